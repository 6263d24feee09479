"""A signature holds for the bytes and the key that it was made with, and for nothing else."""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kboot.bundle.layout import SIGNATURE_SIZE
from kboot.bundle.signature import check_signature, fingerprint, private_key, sign, signer, trusted_keys
from kboot.errors import BadInput

_MANIFEST = b'{"format": 1}\n'
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_OTHER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
_TRUSTED = {"ours.pub": _KEY.public_key()}


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def test_what_a_trusted_key_signed_is_taken() -> None:
    signature = sign(_MANIFEST, _KEY)
    assert len(signature) == SIGNATURE_SIZE
    assert check_signature(_MANIFEST, signature, _TRUSTED, "a") == "ours.pub"
    assert check_signature(_MANIFEST, signature, {}, "a") is None
    assert check_signature(_MANIFEST, None, {}, "a") is None
    assert signer(signature) == fingerprint(_KEY.public_key())


def test_a_missing_signature_is_refused_where_one_is_demanded() -> None:
    with pytest.raises(BadInput, match=r"^a: is not signed, and a signature by ours\.pub is demanded"):
        check_signature(_MANIFEST, None, _TRUSTED, "a")


def test_a_signature_by_another_key_is_refused_where_one_is_demanded() -> None:
    with pytest.raises(BadInput, match=r"^a: is signed by .{44}, which is none of ours\.pub"):
        check_signature(_MANIFEST, sign(_MANIFEST, _OTHER), _TRUSTED, "a")


@pytest.mark.parametrize("trusted", [_TRUSTED, {}], ids=["demanded", "not demanded"])
def test_a_signature_with_any_changed_byte_is_refused(trusted: dict[str, object]) -> None:
    signature = sign(_MANIFEST, _KEY)
    for place, bit in product(range(len(signature)), range(8)):
        changed = bytearray(signature)
        changed[place] ^= 1 << bit
        with pytest.raises(BadInput, match=r"^a: manifest\.sig: "):
            check_signature(_MANIFEST, bytes(changed), _TRUSTED if trusted else {}, "a")


def test_a_signature_of_another_manifest_is_refused() -> None:
    with pytest.raises(BadInput, match=r"manifest\.sig: does not fit manifest\.json"):
        check_signature(_MANIFEST + b" ", sign(_MANIFEST, _KEY), {}, "a")


def test_keys_of_openssl_and_openssh_are_read(tmp_path: Path) -> None:
    pem, ssh = tmp_path / "key.pem", tmp_path / "id"
    _run("openssl", "genpkey", "-algorithm", "ed25519", "-out", pem)
    _run("openssl", "pkey", "-in", pem, "-pubout", "-out", tmp_path / "key.pub.pem")
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kboot", "-f", ssh)
    for private, public in ((pem, tmp_path / "key.pub.pem"), (ssh, tmp_path / "id.pub")):
        signature = sign(_MANIFEST, private_key(private))
        assert check_signature(_MANIFEST, signature, trusted_keys([public]), "a") == str(public)


def test_openssl_accepts_a_signature_too(tmp_path: Path) -> None:
    _run("openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem")
    _run("openssl", "pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "pub.pem")
    signature = sign(_MANIFEST, private_key(tmp_path / "key.pem"))
    (tmp_path / "manifest.json").write_bytes(_MANIFEST)
    (tmp_path / "b64").write_bytes(signature.split(b" ")[2])
    _run("openssl", "base64", "-d", "-A", "-in", tmp_path / "b64", "-out", tmp_path / "sig")
    verify = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "pub.pem", "-rawin")
    _run(*verify, "-in", tmp_path / "manifest.json", "-sigfile", tmp_path / "sig")


def test_the_keys_of_the_folder_are_trusted_where_none_is_named(tmp_path: Path) -> None:
    assert trusted_keys([], tmp_path / "none") == {}
    with pytest.raises(BadInput, match="holds no key"):
        trusted_keys([], tmp_path)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "id")
    (tmp_path / "id").unlink()
    (tmp_path / ".swp").write_text("x")
    assert list(trusted_keys([], tmp_path)) == [str(tmp_path / "id.pub")]


def test_what_is_no_key_of_ed25519_is_refused(tmp_path: Path) -> None:
    locked, other, text = tmp_path / "locked", tmp_path / "other", tmp_path / "text"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked)
    _run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other)
    text.write_text("hello")
    for path, said in (
        (locked, "is locked by a passphrase"),
        (other, "is a key of another kind"),
        (text, "is no private key"),
        (tmp_path / "none", "cannot be read"),
    ):
        with pytest.raises(BadInput, match=f"{path}: {said}"):
            private_key(path)
    for path, said in ((tmp_path / "other.pub", "is a key of another kind"), (text, "is no public key")):
        with pytest.raises(BadInput, match=f"{path}: {said}"):
            trusted_keys([path])
