"""Writes a payload to a partition while it comes, and verifies it (update_metadata.proto, payload_processor.cc).

`CrAU`, version and size of the manifest as 64 bits each (big-endian), the manifest, the data of its operations, and a
message with signatures of all that stands before it.
"""

from __future__ import annotations

import bz2
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from . import protobuf
from .failure import Code, UpdateError

_HEAD = struct.Struct(">4sQQ")
_MOST_MANIFEST_BYTES = 64 << 20
_REPLACE, _REPLACE_BZ = 0, 1
_SIGNATURE_VERSION = 2
_READ_BYTES = 1 << 20

Verifies = Callable[[bytes, bytes], bool]  # whether a signature is of a SHA-256 digest


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: where its data lies behind the manifest, and the blocks that they go to."""

    kind: int
    offset: int
    length: int
    extents: tuple[tuple[int, int], ...]  # first block and number of blocks
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a payload says of itself."""

    operations: tuple[Operation, ...]
    block_size: int
    signatures_at: int
    signatures_size: int
    new_size: int
    new_sha256: bytes


def manifest_of(message: bytes) -> Manifest:
    """Return a manifest; raises UpdateError for one that is none, or that asks for what the lab OS cannot do."""
    try:
        info = (protobuf.parts(message, 9) or [b""])[-1]
        manifest = Manifest(
            tuple(_operation(each) for each in protobuf.parts(message, 1)),
            block_size=protobuf.number(message, 3, 4096),
            signatures_at=protobuf.number(message, 4, -1),
            signatures_size=protobuf.number(message, 5),
            new_size=protobuf.number(info, 1),
            new_sha256=(protobuf.parts(info, 2) or [b""])[-1],
        )
    except ValueError as error:
        raise UpdateError(Code.MANIFEST, f"the manifest cannot be read: {error}") from error
    at, blocks = 0, -(-manifest.new_size // manifest.block_size) if manifest.block_size else 0
    for operation in manifest.operations:
        if any(start + length > blocks for start, length in operation.extents):
            raise UpdateError(Code.MANIFEST, "an operation writes behind the new system")
        if operation.kind not in (_REPLACE, _REPLACE_BZ) or operation.offset != at:
            raise UpdateError(Code.MANIFEST, f"an operation of type {operation.kind} at {operation.offset}")
        at += operation.length
    if manifest.signatures_at not in (-1, at):
        raise UpdateError(Code.MANIFEST, f"the signatures lie at {manifest.signatures_at}, not at {at}")
    return manifest


def _operation(message: bytes) -> Operation:
    extents = [(protobuf.number(each, 1), protobuf.number(each, 2)) for each in protobuf.parts(message, 6)]
    digest = (protobuf.parts(message, 8) or [b""])[-1]
    values = (protobuf.number(message, field) for field in (1, 2, 3))
    kind, offset, length = values
    return Operation(kind, offset, length, tuple(extents), digest)


class PayloadWriter:
    """Takes a payload piece by piece and writes what it says to `target`."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._waiting = bytearray()
        self._whole = sha256()
        self._signed = b""
        self._size = 0
        self._next = 0  # operation
        self._manifest_size: int | None = None
        self.manifest: Manifest | None = None
        self.signatures = b""

    def write(self, data: bytes) -> None:
        """Take the next piece; raises UpdateError as soon as something is not what the manifest says."""
        self._size += len(data)
        self._waiting += data
        if self._manifest_size is None and len(self._waiting) >= _HEAD.size:
            self._read_head()
        if self.manifest is None and self._manifest_size is not None and len(self._waiting) >= self._manifest_size:
            self.manifest = manifest_of(self._take(self._manifest_size))
        if self.manifest is not None:
            self._apply(self.manifest)

    def _read_head(self) -> None:
        magic, version, size = _HEAD.unpack(self._take(_HEAD.size))
        if magic != b"CrAU" or version != 1 or size > _MOST_MANIFEST_BYTES:
            raise UpdateError(Code.MANIFEST, f"this is no payload: it begins with {magic!r}")
        self._manifest_size = size

    def _apply(self, manifest: Manifest) -> None:
        while self._next < len(manifest.operations):
            operation = manifest.operations[self._next]
            if len(self._waiting) < operation.length:
                return
            self._run(operation, self._take(operation.length), manifest.block_size)
            self._next += 1
        if manifest.signatures_at >= 0 and not self._signed:
            self._signed = self._whole.copy().digest()
        self.signatures += self._take(len(self._waiting))

    def _run(self, operation: Operation, data: bytes, block_size: int) -> None:
        if sha256(data).digest() != operation.sha256:
            raise UpdateError(Code.OPERATION_HASH, f"operation {self._next} has other data than the manifest says")
        if operation.kind == _REPLACE_BZ:
            try:
                data = bz2.decompress(data)
            except (OSError, ValueError) as error:
                raise UpdateError(Code.OPERATION_HASH, f"operation {self._next} does not unpack: {error}") from error
        for start, blocks in operation.extents:
            piece, data = data[: blocks * block_size], data[blocks * block_size :]
            self._target.seek(start * block_size)
            self._target.write(piece.ljust(blocks * block_size, b"\0"))

    def _take(self, size: int) -> bytes:
        data = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._whole.update(data)
        return data

    def verify(self, size: int, digest: bytes, verifies: Verifies) -> Manifest:
        """Return the manifest of a payload that is whole: as large as said, with that hash, and signed."""
        if self._size != size:
            raise UpdateError(Code.PAYLOAD_SIZE, f"the payload has {self._size} bytes, not {size}")
        self._whole.update(self._waiting)
        if self._whole.digest() != digest:
            raise UpdateError(Code.PAYLOAD_HASH, "the payload is not the one that was offered")
        if self.manifest is None or self._next < len(self.manifest.operations):
            raise UpdateError(Code.MANIFEST, "the payload ends before its data")
        if not self._signed or len(self.signatures) != self.manifest.signatures_size:
            raise UpdateError(Code.NOT_SIGNED, "the payload is not signed")
        if not any(verifies(signature, self._signed) for signature in signatures_of(self.signatures)):
            raise UpdateError(Code.SIGNATURE, "the payload is signed with another key")
        return self.manifest


def signatures_of(message: bytes) -> list[bytes]:
    """Return the data of each signature of the known version in a message of the kind `Signatures`."""
    try:
        known = [each for each in protobuf.parts(message, 1) if protobuf.number(each, 1) == _SIGNATURE_VERSION]
        return [data for each in known for data in protobuf.parts(each, 2)]
    except ValueError as error:
        raise UpdateError(Code.SIGNATURE, f"the signatures cannot be read: {error}") from error


def verify_written(target: BinaryIO, manifest: Manifest) -> None:
    """Read back what was written; raises UpdateError where it is not the new system."""
    found, left = sha256(), manifest.new_size
    target.seek(0)
    while left and (piece := target.read(min(left, _READ_BYTES))):
        found.update(piece)
        left -= len(piece)
    if found.digest() != manifest.new_sha256:
        raise UpdateError(Code.NEW_SYSTEM_HASH, "what was written is not the new system")


def verifier(key: Path) -> Verifies:
    """Return a check of RSA signatures (PKCS #1 v1.5, SHA-256) with the public key in `key`, by openssl(1)."""

    def verifies(signature: bytes, digest: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "signature").write_bytes(signature)
            command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-sigfile", f"{folder}/signature"]
            command += ["-pkeyopt", "digest:sha256"]
            return subprocess.run(command, input=digest, capture_output=True, check=False).returncode == 0

    return verifies
