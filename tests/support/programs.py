"""Programs that say one text: the smallest ELF that runs here, and its likes for other machines."""

from __future__ import annotations

import re
import struct

_X86_64, _AARCH64 = 62, 183


def program(text: str, machine: int = _X86_64) -> bytes:
    """A static program for Linux on x86-64 that prints `text`; for another `machine` its head alone counts.

    A version that it says is one that it was linked with, as Go's linker writes it.
    """
    said = text.encode()
    code = b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00"  # write, to stdout
    code += b"\x48\x8d\x35\x10\x00\x00\x00"  # what stands behind the code
    code += b"\xba" + struct.pack("<I", len(said)) + b"\x0f\x05"
    code += b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # exit 0
    start, size = 0x400000, 120 + len(code) + len(said)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    whole = head + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000) + code + said
    version = re.search(r"v\d+\.\d+\.\d+[0-9A-Za-z.+-]*", text)
    return whole + bytes(-len(whole) % 16) + version[0].encode() + b"\0" if version else whole


def arm_program(text: str) -> bytes:
    """What stands for a program of another architecture."""
    return program(text, _AARCH64)


def waiting_program() -> bytes:
    """A static program for Linux on x86-64 that does nothing until it is killed."""
    code = b"\xb8\x22\x00\x00\x00\x0f\x05\xeb\xf7"  # pause, again and again
    start, size = 0x400000, 120 + len(code)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, _X86_64, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000) + code
