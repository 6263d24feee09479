"""Fill a disk's file with what an earlier use left on it: `disk_contents.py WHAT FILE`.

md, LVM and swap are written here, since their own tools want block devices, which this container has none of.
"""

from __future__ import annotations

import bz2
import os
import struct
import sys
import uuid
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

_SECTOR = 512
_MIB = 1 << 20
_LAB_OS = Path("/lab-os")  # what the build of the lab OS made
_EXTENT_SECTORS = 8192


def write_md(disk: BinaryIO, size_bytes: int) -> None:
    """Write the superblock 1.2 of a RAID 1 of this disk alone (linux/raid/md_p.h); such an array starts by itself."""
    data_at, sectors = 2048, size_bytes // _SECTOR - 2048
    array, device, own = uuid.uuid4().bytes, uuid.uuid4().bytes, struct.pack("<HH", 0, 0xFFFF)
    head = struct.pack("<IIII16s32sQIIQII", 0xA92B4EFC, 1, 0, 0, array, b"old:0", 1, 1, 0, sectors, 0, 1).ljust(
        128, b"\0"
    )
    place = struct.pack("<QQQQII16s", data_at, sectors, 8, 0, 0, 0, device).ljust(64, b"\0")
    state = struct.pack("<QQQII32x", 1, 1, 0xFFFFFFFFFFFFFFFF, 0, 2)
    block = head + place + state + own
    words = sum(struct.unpack(f"<{len(block) // 4}I", block))
    checksum = (words & 0xFFFFFFFF) + (words >> 32)
    disk.seek(8 * _SECTOR)
    disk.write(block[:216] + struct.pack("<I", checksum & 0xFFFFFFFF) + block[220:])


def write_lvm(disk: BinaryIO, size_bytes: int) -> None:
    """Write a physical volume with a group `old` that one volume fills (lib/format_text/layout.h of LVM2)."""
    volume, text = _lvm_id(), b""
    areas = struct.pack("<QQQQ", _MIB, 0, 0, 0) + struct.pack("<QQQQ", 4096, _MIB - 4096, 0, 0)
    header = volume.encode() + struct.pack("<Q", size_bytes) + areas + struct.pack("<IIQQ", 2, 1, 0, 0)
    label = (struct.pack("<I8s", 32, b"LVM2 001") + header).ljust(_SECTOR - 20, b"\0")
    disk.seek(_SECTOR)
    disk.write(b"LABELONE" + struct.pack("<QI", 1, _lvm_sum(label)) + label)
    text = _lvm_text(volume, size_bytes).encode() + b"\0"
    found = struct.pack("<QQII", _SECTOR, len(text), _lvm_sum(text), 0)
    area = (b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, 4096, _MIB - 4096) + found).ljust(_SECTOR - 4, b"\0")
    disk.seek(4096)
    disk.write(struct.pack("<I", _lvm_sum(area)) + area + text)


def _lvm_sum(data: bytes) -> int:
    return zlib.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def _lvm_id() -> str:
    return uuid.uuid4().hex


def _dashed(name: str) -> str:
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(name[start:end] for start, end in pairwise(cuts))


def _lvm_text(volume: str, size_bytes: int) -> str:
    extents = (size_bytes - _MIB) // (_EXTENT_SECTORS * _SECTOR)
    return f"""old {{
id = "{_dashed(_lvm_id())}"
seqno = 2
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = {_EXTENT_SECTORS}
max_lv = 0
max_pv = 0
metadata_copies = 0
physical_volumes {{
pv0 {{
id = "{_dashed(volume)}"
device = "/dev/old"
status = ["ALLOCATABLE"]
flags = []
dev_size = {size_bytes // _SECTOR}
pe_start = 2048
pe_count = {extents}
}}
}}
logical_volumes {{
root {{
id = "{_dashed(_lvm_id())}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = 1
creation_host = "old"
segment_count = 1
segment1 {{
start_extent = 0
extent_count = {extents}
type = "striped"
stripe_count = 1
stripes = ["pv0", 0]
}}
}}
}}
}}
contents = "Text Format Volume Group"
version = 1
description = ""
creation_host = "old"
creation_time = 1
"""


def write_swap(disk: BinaryIO, size_bytes: int) -> None:
    """Write the header of a swap area with pages of 4 KiB (linux/swap.h)."""
    disk.seek(1024)
    disk.write(struct.pack("<III16s16s", 1, size_bytes // 4096 - 1, 0, uuid.uuid4().bytes, b"old"))
    disk.seek(4096 - 10)
    disk.write(b"SWAPSPACE2")


def write_foreign_esp(disk: BinaryIO, size_bytes: int) -> None:
    """Write another system's ESP, with a loader that says so, and boot code for BIOS."""
    with (_LAB_OS / "foreign-esp.raw").open("rb") as source:
        _copy(source, disk)


def write_own_install(disk: BinaryIO, size_bytes: int) -> None:
    """Write the OS as an earlier install did: the labels and ids of a disk of ours, without a node config."""
    image = next(_LAB_OS.glob("*/*/*/flatcar_production_image.bin.bz2"))
    with bz2.open(image) as source:
        _copy(source, disk)


def _copy(source: BinaryIO | bz2.BZ2File, disk: BinaryIO) -> None:
    """Copy, and leave holes where there is nothing."""
    while block := source.read(_MIB):
        if block.count(0) == len(block):
            disk.seek(len(block), os.SEEK_CUR)
        else:
            disk.write(block)


WRITERS: dict[str, Callable[[BinaryIO, int], None]] = {
    "foreign-esp": write_foreign_esp,
    "lvm": write_lvm,
    "md": write_md,
    "own-install": write_own_install,
    "swap": write_swap,
}


def main(what: str, file: Path) -> None:
    """Fill the file, which has the size of the disk already."""
    with file.open("r+b") as disk:
        WRITERS[what](disk, file.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
