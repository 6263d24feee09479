"""Small update payloads as the lab makes them, and the key that they are signed with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kboot_lab.update_payload import write_payload


@cache
def payload_key(number: int = 0) -> RSAPrivateKey:
    """A key; another number is another key."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: RSAPrivateKey) -> bytes:
    """The public half, as clients have it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def payload_of(image: bytes, key: RSAPrivateKey | None = None) -> bytes:
    """The payload that brings `image`."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "image").write_bytes(image)
        write_payload(Path(folder) / "image", Path(folder) / "payload", key or payload_key())
        return (Path(folder) / "payload").read_bytes()
