"""An etcd snapshot as a file: a bolt database, then the SHA-256 of it."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ..errors import BadInput

_SECTOR_BYTES = 512  # a bolt database is whole pages, and every page is whole sectors: etcd knows the SHA-256 by that
_HASH_BYTES = sha256().digest_size
_MAGIC = struct.pack("=I", 0xED0CDAED)  # go.etcd.io/bbolt, db.go; in the byte order of the machine that wrote it
_MAGIC_AT = 16  # behind the header of the first page
_CHUNK_BYTES = 1 << 20


class NotWhole(Exception):
    """Some bytes are not a whole snapshot; the message says why, to be read after a file's name."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A whole snapshot; `sha256` is of the whole file, as `sha256sum` prints it."""

    size_bytes: int
    sha256: str


def verified(stream: BinaryIO) -> SnapshotFile:
    """Check the snapshot in `stream` from its beginning, and return its size and hash; raise NotWhole."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size <= _HASH_BYTES or stream.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] != _MAGIC:
        raise NotWhole("is not a database of etcd's")
    if size % _SECTOR_BYTES != _HASH_BYTES:
        more = "; a copy of a member's own database has none" if size % _SECTOR_BYTES == 0 else ""
        raise NotWhole(f"does not end with the SHA-256 of a snapshot, so it is cut short or none{more}")
    stream.seek(0)
    found = sha256()
    left = size - _HASH_BYTES
    while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
        found.update(chunk)
        left -= len(chunk)
    said = stream.read(_HASH_BYTES)
    if found.digest() != said:
        raise NotWhole("does not have the SHA-256 that it ends with: it was changed or damaged")
    found.update(said)
    return SnapshotFile(size, found.hexdigest())


def read_snapshot(path: Path) -> SnapshotFile:
    """Check the snapshot at `path`, and return its size and hash; raise BadInput unless it is whole."""
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: is no file that can be read twice", "name a snapshot of etcd's")
    try:
        with path.open("rb") as stream:
            return verified(stream)
    except NotWhole as error:
        raise BadInput(f"{path}: {error}", "take another file: `kboot etcd snapshot` writes whole ones") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "name a snapshot of etcd's") from error
