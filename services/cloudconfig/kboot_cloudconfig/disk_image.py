"""Reads how large the disk is that an OS image holds, out of the partition table that it begins with."""

from __future__ import annotations

import bz2
import struct
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_SECTOR_BYTES = 512
_HEAD_BYTES = 2 * _SECTOR_BYTES  # the GPT's header is in the second sector; UEFI 2.10, 5.3.2
_LAST_SECTOR = struct.Struct("<Q")  # where the second copy of the header lies: the last sector of the disk
_READ_BYTES = 1 << 16
_READ_AT_MOST = 64  # pieces: bzip2 gives nothing before a whole block, of 900 kB at the most, is read


def disk_bytes(image: Path) -> int | None:
    """Return how many bytes an install of the compressed `image` writes; None where that cannot be known."""
    try:
        stat = image.stat()
    except OSError:
        return None
    return _disk_bytes(image, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _disk_bytes(image: Path, _modified: int, _size: int) -> int | None:
    head = _head(image)
    table = head[_SECTOR_BYTES:]
    if len(head) < _HEAD_BYTES or not table.startswith(b"EFI PART"):
        return None
    (last,) = _LAST_SECTOR.unpack_from(table, 32)
    return (int(last) + 1) * _SECTOR_BYTES


def _head(image: Path) -> bytes:
    unpack, head = bz2.BZ2Decompressor(), b""
    with suppress(OSError, EOFError), image.open("rb") as file:  # no bzip2, or cut short
        for _ in range(_READ_AT_MOST):
            head += unpack.decompress(file.read(_READ_BYTES), _HEAD_BYTES - len(head))
            if len(head) == _HEAD_BYTES:
                break
    return head
