"""The keys of releases and payloads that a description names by file, read and looked at before they are rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kboot.describe.attachment_reader import read_attachments
from kboot_clusterdesc import InvalidDescription
from support.rendering import rendered_files
from unit.clusterdesc.sample import accepted, os

DESC = accepted(os("update: {payload_key: payload-key.pem}"))


def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_the_key_of_payloads_is_read_beside_the_description(tmp_path: Path) -> None:
    key = pem(rsa.generate_private_key(65537, 2048).public_key())
    (tmp_path / "payload-key.pem").write_bytes(key)
    assert read_attachments(DESC, tmp_path / "cluster.yaml").payload_key == key


@pytest.mark.parametrize(
    "content",
    [b"", b"none", pem(ed25519.Ed25519PrivateKey.generate().public_key())],
    ids=["empty", "no key", "a key of another kind"],
)
def test_a_key_that_can_sign_no_payload_is_refused_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "payload-key.pem").write_bytes(content)
    with pytest.raises(InvalidDescription) as refused:
        read_attachments(DESC, tmp_path / "cluster.yaml")
    (problem,) = refused.value.problems
    assert (problem.key, problem.message) == ("os.update.payload_key", "holds no public RSA key in PEM")
    assert "openssl rsa -pubout" in problem.hint


def test_the_updater_is_given_the_operators_key_and_no_file_where_there_is_none() -> None:
    assert "config/payload-key.pem" not in rendered_files(DESC)
    assert rendered_files(DESC, payload_key=b"a key")["config/payload-key.pem"].content == b"a key"
