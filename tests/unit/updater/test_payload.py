"""An update payload, read while it comes: what its signature covers, and which payload is none."""

from __future__ import annotations

import contextlib
from hashlib import sha1, sha256
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import example, given
from hypothesis import strategies as st

from kboot_lab.update_payload import ensure_payload_key, write_payload
from kboot_updater.fault import NotTheFile, SignatureRefused, UpdaterFault
from kboot_updater.message_fields import message_fields
from kboot_updater.payload import Payload, PayloadReader, stated_sha256
from service.updater.payloads import (
    bytes_field,
    head,
    manifest,
    number_field,
    payload_signer,
    signatures,
    signed_payload,
    varint,
)

NAME = "flatcar_production_update.gz"
WHOLE = signed_payload(b"the data of an image" * 100)


def read(*pieces: bytes) -> Payload:
    reader = PayloadReader(NAME)
    for piece in pieces:
        reader.take(piece)
    return reader.payload()


def with_end(end: bytes, size: int | None = None) -> bytes:
    """A payload with these bytes where its signatures are."""
    told = manifest(4, len(end) if size is None else size)
    return head(len(told)) + told + b"data" + end


def test_all_before_the_signatures_is_what_the_client_signature_covers() -> None:
    payload = read(WHOLE)
    payload_signer().public_key().verify(
        payload.signature, WHOLE[: WHOLE.rindex(b"the data of an image") + 20], PKCS1v15(), SHA256()
    )
    assert payload.signed_sha256 == sha256(WHOLE[: WHOLE.rindex(b"the data of an image") + 20]).digest()
    assert payload.size == len(WHOLE)
    assert payload.sha256 == sha256(WHOLE).digest()
    assert payload.sha1 == sha1(WHOLE, usedforsecurity=False).digest()


def test_the_labs_own_maker_makes_payloads_that_verify(tmp_path: Path) -> None:
    """It knows the form by itself, as the client of the lab OS does."""
    key = ensure_payload_key(tmp_path)
    (tmp_path / "image").write_bytes(b"a partition" * 100_000)
    write_payload(tmp_path / "image", tmp_path / NAME, key)
    payload = read((tmp_path / NAME).read_bytes())
    key.public_key().verify(payload.signature, payload.signed_sha256, PKCS1v15(), Prehashed(SHA256()))
    assert stated_sha256((tmp_path / f"{NAME}.sha256").read_text(), NAME) == payload.sha256


@given(st.lists(st.integers(0, len(WHOLE))))
def test_it_is_the_same_however_it_comes_in_pieces(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(WHOLE)]
    assert read(*(WHOLE[begin:end] for begin, end in pairwise(at))) == read(WHOLE)


def test_what_was_read_is_forgotten_when_the_payload_starts_anew() -> None:
    reader = PayloadReader(NAME)
    reader.take(WHOLE[:1000])
    reader.begin()
    reader.take(WHOLE)
    assert reader.payload() == read(WHOLE)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_payload_that_is_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises((NotTheFile, SignatureRefused), match=r"cut off after|is no update payload"):
        read(WHOLE[:length])


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"<!doctype html><html>", "is no update payload: it begins with b'<!do'"),
        (b"", "is no update payload: it has 0 bytes"),
        (b"CrAU", "is no update payload: it has 4 bytes"),
        (b"\x1f\x8b\x08\x00" + bytes(30), "is no update payload: it begins with"),
        (head(1, form=2) + b"x", "it is of form 2, only 1 is known"),
        (head(1 << 40), "its manifest has 1099511627776 bytes"),
        (head(2) + b"\x0a\x05", "its manifest is damaged: a field is cut off"),
        (head(len(manifest(4, None))) + manifest(4, None) + b"data", "it has no signature"),
        (with_end(b""), "it has no signature"),
        (with_end(b"", 1 << 30), "its signatures have 1073741824 bytes"),
        (with_end(signatures((1, b"s"))), "it has no signature of version 2"),
        (with_end(bytes_field(1, number_field(1, 2))), "it has no signature of version 2"),
        (with_end(bytes_field(1, number_field(1, 2) + number_field(2, 7))), "it has no signature of version 2"),
        (with_end(b"\x0b"), "its signatures are damaged: a field is of the unknown kind 3"),
        (WHOLE + b"x", "it goes on after its signatures"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",  # a payload is signed by a key of each process
)
def test_what_is_no_payload_that_a_client_takes_is_refused_in_words(payload: bytes, said: str) -> None:
    with pytest.raises(UpdaterFault, match=NAME) as refused:
        read(payload)
    assert said in str(refused.value)


@given(st.binary(max_size=400))
@example(head(20) + varint(4 << 3) + b"\xff" * 9)
def test_any_bytes_are_read_or_refused_and_never_kept(data: bytes) -> None:
    for content in (data, head(len(data)) + data, with_end(data)):
        with contextlib.suppress(NotTheFile, SignatureRefused):
            read(content)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_the_fields_of_a_message_are_those_that_were_written(fields: list[tuple[int, int | bytes]]) -> None:
    written = b"".join(
        number_field(number, value) if isinstance(value, int) else bytes_field(number, value)
        for number, value in fields
    )
    found = [(number, value if isinstance(value, int) else bytes(value)) for number, value in message_fields(written)]
    assert found == fields


@given(st.binary())
def test_any_message_is_read_or_refused_in_one_way(message: bytes) -> None:
    with contextlib.suppress(ValueError):
        list(message_fields(message))


@pytest.mark.parametrize("text", ["{}", "{}\n", f"{{}}  {NAME}\n", f"{{}} *{NAME}"])
def test_a_hash_is_read_with_the_name_or_without(text: str) -> None:
    digest = sha256(b"payload")
    assert stated_sha256(text.format(digest.hexdigest()), NAME) == digest.digest()


@pytest.mark.parametrize("text", ["", "abc", "<html>", "0" * 63, f"{'0' * 64}  other.gz", f"{'0' * 64}\n{'1' * 64}\n"])
def test_what_states_no_hash_of_this_payload_is_refused(text: str) -> None:
    with pytest.raises(NotTheFile, match="does not say the SHA-256"):
        stated_sha256(text, NAME)
