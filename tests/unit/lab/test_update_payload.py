"""Payloads of the lab, as its client takes them: whole and signed, or refused with the code of the real one."""

from __future__ import annotations

import io
import random
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from hypothesis import given, settings
from hypothesis import strategies as st

from kboot_lab.os.update_engine import payload as client
from kboot_lab.os.update_engine.failure import Code, UpdateError
from kboot_lab.update_payload import ensure_payload_key, write_payload
from kboot_updater.payload import PayloadReader
from support.payloads import payload_key, payload_of, public_pem

PACKED = random.Random(1).randbytes(1_300_000)  # what bzip2 makes no smaller
IMAGE = PACKED + b"a" * 2_800_000 + b"\0" * 904_000
SIZE = -(-len(IMAGE) // 4096) * 4096


def taken(payload: bytes, key: Path, *, pieces: int = 100_000, size: int | None = None) -> bytes:
    """What the payload wrote to a partition, which held something else before."""
    target = io.BytesIO(b"\xff" * (SIZE + 4096))
    writer = client.PayloadWriter(target)
    for at in range(0, len(payload), pieces):
        writer.write(payload[at : at + pieces])
    digest = sha256(payload).digest()
    manifest = writer.verify(len(payload) if size is None else size, digest, client.verifier(key))
    client.verify_written(target, manifest)
    return target.getvalue()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(public_pem(payload_key()))
    return path


def refused(payload: bytes, key: Path, **options: int) -> int:
    """The code that a payload is refused with."""
    with pytest.raises(UpdateError) as caught:
        taken(payload, key, **options)
    return caught.value.code


@pytest.mark.parametrize("pieces", [1_000_003, 4096, 1 << 24])
def test_a_partition_becomes_the_image_and_nothing_behind_it_is_touched(key: Path, pieces: int) -> None:
    found = taken(payload_of(IMAGE), key, pieces=pieces)
    assert found[: len(IMAGE)] == IMAGE
    assert found[len(IMAGE) : SIZE].strip(b"\0") == b""
    assert found[SIZE:] == b"\xff" * 4096


@settings(max_examples=40, deadline=None)
@given(image=st.binary(max_size=20_000), pieces=st.integers(1, 30_000))
def test_any_image_comes_out_as_it_went_in(image: bytes, pieces: int) -> None:
    payload, target = payload_of(image), io.BytesIO()
    writer = client.PayloadWriter(target)
    for at in range(0, len(payload), pieces):
        writer.write(payload[at : at + pieces])
    manifest = writer.verify(len(payload), sha256(payload).digest(), lambda signature, digest: True)
    client.verify_written(target, manifest)
    assert target.getvalue()[: len(image)] == image
    assert manifest.new_size == len(image)


def test_the_updater_reads_the_payload_and_its_signature_as_the_client_does() -> None:
    payload = payload_of(IMAGE)
    reader = PayloadReader("flatcar_production_update.gz")
    for at in range(0, len(payload), 100_003):
        reader.take(payload[at : at + 100_003])
    read = reader.payload()
    assert (read.size, read.sha256) == (len(payload), sha256(payload).digest())
    how = (padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    payload_key().public_key().verify(read.signature, read.signed_sha256, *how)


def test_what_packs_is_packed_and_what_does_not_is_not() -> None:
    writer = client.PayloadWriter(io.BytesIO())
    payload = payload_of(IMAGE)
    writer.write(payload)
    assert writer.manifest
    assert [operation.kind for operation in writer.manifest.operations] == [0, 0, 1, 1, 1]
    assert len(payload) < 2 * len(PACKED)


def test_a_changed_byte_is_noticed_at_its_operation(key: Path) -> None:
    payload = bytearray(payload_of(IMAGE))
    payload[700_000] ^= 1
    assert refused(bytes(payload), key) == Code.OPERATION_HASH


def test_another_key_another_kind_of_file_and_a_file_that_ends_early_are_refused(key: Path) -> None:
    payload = payload_of(IMAGE)
    assert refused(payload_of(IMAGE, payload_key(1)), key) == Code.SIGNATURE
    assert refused(b"<html>none such is here</html>", key) == Code.MANIFEST
    assert refused(payload[:-1], key, size=len(payload)) == Code.PAYLOAD_SIZE
    assert refused(payload[:900_000], key) == Code.MANIFEST
    assert refused(payload[:-1], key) == Code.NOT_SIGNED
    assert refused(payload[:-4] + b"abcd", key) == Code.SIGNATURE


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 400), byte=st.integers(0, 255), rest=st.integers(0, 3000))
def test_whatever_a_manifest_says_ends_in_a_code(at: int, byte: int, rest: int) -> None:
    payload = bytearray(payload_of(PACKED[:2500]))
    payload[min(at, len(payload) - 1)] = byte
    left = bytes(payload[: max(len(payload) - rest, 0)])
    assert refused(left, Path("no-key")) in list(Code)


def test_what_was_written_is_read_back(key: Path) -> None:
    target = io.BytesIO()
    writer = client.PayloadWriter(target)
    payload = payload_of(IMAGE)
    writer.write(payload)
    manifest = writer.verify(len(payload), sha256(payload).digest(), client.verifier(key))
    target.getbuffer()[12345] ^= 1  # a disk that does not keep what it is given
    with pytest.raises(UpdateError) as caught:
        client.verify_written(target, manifest)
    assert caught.value.code == Code.NEW_SYSTEM_HASH


def test_a_key_is_made_once_and_others_cannot_read_it(tmp_path: Path) -> None:
    first = ensure_payload_key(tmp_path)
    assert ensure_payload_key(tmp_path).private_numbers() == first.private_numbers()
    assert (tmp_path / "update-payload-key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "update-payload-key.pub.pem").read_bytes() == public_pem(first)


def test_the_file_beside_a_payload_is_one_that_sha256sum_reads(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(IMAGE)
    write_payload(tmp_path / "image", tmp_path / "update.gz", payload_key())
    done = subprocess.run(["sha256sum", "-c", "update.gz.sha256"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "update.gz: OK\n")
