"""Update payloads in the form of update_engine, small, and the keys that sign them."""

from __future__ import annotations

import struct
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SIGNED_BY_CLIENT = 2  # the version of a signature that update_engine looks at


@cache
def payload_signer(name: str = "payload") -> RSAPrivateKey:
    """The private key of that name; each is made once."""
    assert name
    return generate_private_key(65537, 2048)


def public_pem(key: RSAPrivateKey) -> bytes:
    """Its public key, as a description names it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def number_field(field: int, value: int) -> bytes:
    """A field that holds a number."""
    return varint(field << 3) + varint(value)


def bytes_field(field: int, value: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def manifest(data_size: int, signatures_size: int | None) -> bytes:
    """A manifest of one operation, which writes all of the data; without a place of signatures where none is given."""
    operation = number_field(1, 0) + number_field(2, 0) + number_field(3, data_size)
    fields = bytes_field(1, operation) + number_field(3, 4096)
    if signatures_size is not None:
        fields += number_field(4, data_size) + number_field(5, signatures_size)
    return fields + bytes_field(9, number_field(1, data_size) + bytes_field(2, bytes(32)))


def head(manifest_size: int, magic: bytes = b"CrAU", form: int = 1) -> bytes:
    """What a payload begins with."""
    return struct.pack(">4sQQ", magic, form, manifest_size)


def signatures(*each: tuple[int, bytes]) -> bytes:
    """The message at the end of a payload: versions, and what they signed."""
    return b"".join(bytes_field(1, number_field(1, version) + bytes_field(2, data)) for version, data in each)


def signed_payload(data: bytes, key: RSAPrivateKey | None = None, *, version: int = SIGNED_BY_CLIENT) -> bytes:
    """A whole payload, with a signature of the first key as well, as those of Flatcar have it."""
    signer = key or payload_signer()

    def at_the_end(signature: bytes) -> bytes:
        return signatures((version - 1, bytes(256)), (version, signature))

    told = manifest(len(data), len(at_the_end(bytes(256))))
    signed = head(len(told)) + told + data
    return signed + at_the_end(signer.sign(signed, PKCS1v15(), SHA256()))


def publish_payload(folder: Path, name: str, payload: bytes) -> None:
    """Lay a payload beside the other files of a release, with its hash as the server tells it."""
    (folder / name).write_bytes(payload)
    (folder / f"{name}.sha256").write_text(f"{sha256(payload).hexdigest()}  {name}\n")
