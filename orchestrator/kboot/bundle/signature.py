"""The signature of a bundle: Ed25519 (RFC 8032) over the bytes of its manifest, which names all else by hash.

One line: `ed25519`, the public key, the signature, both in base64. Keys are PEM (PKCS #8) or those of OpenSSH.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from ..errors import BadInput
from .archive_reader import BundleReader

TRUSTED_KEYS = Path("/etc/kboot/trusted-keys")
_FRESH = "copy the bundle again from where it was made, or have it signed anew"


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature of a manifest; the same key and bytes give the same."""
    return _line(key.public_key().public_bytes_raw(), key.sign(manifest))


def judge(trusted: Mapping[str, Ed25519PublicKey], where: str) -> Callable[[bytes, bytes | None], str | None]:
    """Return what judges manifest and signature of the bundle `where`, as `check_signature` does."""
    return partial(check_signature, trusted=trusted, where=where)


def check_signature(
    manifest: bytes, signature: bytes | None, trusted: Mapping[str, Ed25519PublicKey], where: str
) -> str | None:
    """Return the name of the trusted key that signed; None where no key is trusted, and so none demanded.

    Raises BadInput for a signature that does not hold, and where keys are trusted for one that is missing or of
    another key.
    """
    if signature is None:
        if trusted:
            raise BadInput(
                f"{where}: is not signed, and a signature by {', '.join(trusted)} is demanded",
                "have it made with `kboot bundle create --sign KEY`",
            )
        return None
    public = _signer(manifest, signature, where)
    for name, key in trusted.items():
        if key.public_bytes_raw() == public.public_bytes_raw():
            return name
    if trusted:
        raise BadInput(
            f"{where}: is signed by {fingerprint(public)}, which is none of {', '.join(trusted)}",
            f"have it signed by a key that is trusted here, or trust that one: `--trusted-key`, {TRUSTED_KEYS}",
        )
    return None


def unvouched(reader: BundleReader, where: str) -> str:
    """Return what to tell of a bundle that no trusted key vouches for; nothing where one does."""
    if reader.signer is not None:
        return ""
    found = (
        f"is signed by {signer(reader.signature)}, a key that nobody named here"
        if reader.signature is not None
        else "IS NOT SIGNED"
    )
    return (
        f"warning: {where} {found}: whoever could write to it chose what runs here as root and on the machines."
        f" Compare its hash, {reader.manifest.digest}, with what its maker tells you on another way,"
        f" or demand a signature: `--trusted-key PUB`, or the key in {TRUSTED_KEYS}"
    )


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return a public key as people compare it: its 32 bytes in base64."""
    return b64encode(key.public_bytes_raw()).decode()


def signer(signature: bytes) -> str:
    """Return the public key that a signature names, in base64; whether it holds is not looked at."""
    return signature.split(b" ")[1].decode(errors="replace") if signature.count(b" ") == 2 else "unknown"


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file, PEM or OpenSSH; raise BadInput where it holds none of Ed25519."""
    content = _content(path)
    load = load_ssh_private_key if b"BEGIN OPENSSH" in content else load_pem_private_key
    try:
        key = load(content, None)
    except TypeError as error:
        raise BadInput(
            f"{path}: is locked by a passphrase", "give a copy without one, of a file system in memory"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(f"{path}: is no private key", _MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput(f"{path}: is a key of another kind than Ed25519", _MAKE)
    return key


def trusted_keys(given: Sequence[Path], folder: Path = TRUSTED_KEYS) -> dict[str, Ed25519PublicKey]:
    """Return path -> public key of the files given, or of each file in `folder` where none is; raise BadInput."""
    paths = list(given)
    if not paths and folder.is_dir():
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if not paths:
            raise BadInput(f"{folder}: holds no key", "put the public key there, or remove the folder")
    return {str(path): _public_key(path) for path in paths}


_MAKE = "make one with `ssh-keygen -t ed25519` or `openssl genpkey -algorithm ed25519`"


def _line(public: bytes, signature: bytes) -> bytes:
    return b"ed25519 " + b64encode(public) + b" " + b64encode(signature) + b"\n"


def _signer(manifest: bytes, signature: bytes, where: str) -> Ed25519PublicKey:
    try:
        _, *parts = signature.split()
        public, signed = (b64decode(part, validate=True) for part in parts)
        if signature != _line(public, signed):
            raise ValueError(signature)
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signed, manifest)
    except ValueError as error:
        raise BadInput(f"{where}: manifest.sig: is no signature of kboot", _FRESH) from error
    except InvalidSignature as error:
        raise BadInput(f"{where}: manifest.sig: does not fit manifest.json", _FRESH) from error
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    content = _content(path)
    load = load_ssh_public_key if b"-----BEGIN" not in content else load_pem_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(f"{path}: is no public key", _MAKE) from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput(f"{path}: is a key of another kind than Ed25519", _MAKE)
    return key


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "name the file of a key") from error
