"""OS images as they lie in the store, of a disk that is empty but for its partition table."""

from __future__ import annotations

import bz2
import struct


def os_image(disk_bytes: int) -> bytes:
    """A disk of so many bytes, compressed: the head of a GPT in its second sector names its last one (UEFI 5.3.2)."""
    last = disk_bytes // 512 - 1
    head = struct.pack("<8sIIIIQQ", b"EFI PART", 0x10000, 92, 0, 0, 1, last)
    return bz2.compress((bytes(512) + head).ljust(disk_bytes, b"\0"), 1)
