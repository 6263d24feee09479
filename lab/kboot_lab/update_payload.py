"""Make signed update payloads of the lab OS in the format that Flatcar's update_engine installs.

`CrAU`, the format's version and the manifest's size as 64 bits each (big-endian), the manifest, the data of its
operations, and a message with an RSA signature of all that stands before it (update_metadata.proto of update_engine).
"""

from __future__ import annotations

import bz2
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from kboot.host.files import write_file

PAYLOAD = "flatcar_production_update.gz"
PUBLIC_KEY = "update-payload-key.pub.pem"
_PRIVATE_KEY = "update-payload-key.pem"
_BLOCK_BYTES = 4096
_CHUNK_BYTES = 1 << 20  # of the image, an operation each
_SIGNATURE_VERSION = 2  # the one that clients look for
_NOWHERE = (1 << 64) - 1  # a block that stands for none
_REPLACE, _REPLACE_BZ = 0, 1


@dataclass(frozen=True, slots=True)
class _Operation:
    kind: int
    offset: int
    length: int
    start_block: int
    blocks: int
    digest: bytes = b""

    def message(self) -> bytes:
        extent = _number(1, self.start_block) + _number(2, self.blocks)
        digest = _bytes(8, self.digest) if self.digest else b""
        place = _number(2, self.offset) + _number(3, self.length)
        return _number(1, self.kind) + place + _bytes(6, extent) + digest


def ensure_payload_key(folder: Path) -> RSAPrivateKey:
    """Return the key in `folder` that signs payloads; make it, with its public half beside it, if it is missing."""
    private = folder / _PRIVATE_KEY
    if not private.exists():
        key = generate_private_key(public_exponent=65537, key_size=2048)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        write_file(folder / PUBLIC_KEY, key.public_key().public_bytes(*public))
        write_file(private, key.private_bytes(*form), mode=0o600)
    loaded = serialization.load_pem_private_key(private.read_bytes(), None)
    if not isinstance(loaded, RSAPrivateKey):
        raise TypeError(f"{private} is no RSA key")
    return loaded


def write_payload(image: Path, payload: Path, key: RSAPrivateKey) -> None:
    """Write the payload that makes a partition what `image` is, and its SHA-256 as `sha256sum` writes it beside it."""
    whole = sha256()
    with image.open("rb") as source, tempfile.TemporaryFile(dir=payload.parent) as blobs:
        operations = list(_operations(source, blobs, whole.update))
        info = _number(1, image.stat().st_size) + _bytes(2, whole.digest())
        manifest = _manifest(operations, info, len(_signatures(bytes(key.key_size // 8))))
        blobs.seek(0)
        with payload.open("wb") as stream:
            signed = _Hashed(stream)
            signed.write(struct.pack(">4sQQ", b"CrAU", 1, len(manifest)) + manifest)
            shutil.copyfileobj(blobs, signed, _CHUNK_BYTES)
            sha = hashes.SHA256()
            signed.write(_signatures(key.sign(signed.digest.digest(), padding.PKCS1v15(), Prehashed(sha))))
    payload.with_name(f"{payload.name}.sha256").write_text(f"{signed.digest.hexdigest()}  {payload.name}\n")


class _Hashed:
    """A stream that is hashed on its way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._stream.write(data)


def _operations(source: BinaryIO, blobs: BinaryIO, see: Callable[[bytes], None]) -> Iterator[_Operation]:
    block = offset = 0
    while chunk := source.read(_CHUNK_BYTES):
        see(chunk)
        kind, data = _packed(chunk)
        blobs.write(data)
        blocks = -(-len(chunk) // _BLOCK_BYTES)
        yield _Operation(kind, offset, len(data), block, blocks, sha256(data).digest())
        block, offset = block + blocks, offset + len(data)


def _packed(chunk: bytes) -> tuple[int, bytes]:
    """Return a chunk as bzip2 has it where that is smaller; what a look shows to be packed already is not tried."""
    sample = chunk[: 1 << 16]
    if len(zlib.compress(sample, 1)) < len(sample) * 0.9:
        packed = bz2.compress(chunk)
        if len(packed) < len(chunk):
            return _REPLACE_BZ, packed
    return _REPLACE, chunk


def _manifest(operations: Sequence[_Operation], info: bytes, signatures_bytes: int) -> bytes:
    """Return the manifest; as old clients want it, an operation that writes nowhere stands for the signatures."""
    end = sum(operation.length for operation in operations)
    nowhere = _Operation(_REPLACE, end, signatures_bytes, _NOWHERE, -(-signatures_bytes // _BLOCK_BYTES))
    return b"".join(
        (
            *(_bytes(1, operation.message()) for operation in operations),
            _bytes(2, nowhere.message()),
            _number(3, _BLOCK_BYTES),
            _number(4, end),
            _number(5, signatures_bytes),
            _bytes(9, info),
        )
    )


def _signatures(signature: bytes) -> bytes:
    return _bytes(1, _number(1, _SIGNATURE_VERSION) + _bytes(2, signature))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Return a number seven bits at a time, the lowest first, as protocol buffers have it."""
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes((*groups, value))
