"""Which machines a Linux kernel is for, as its first bytes say.

Source: the kernel's Documentation/arch/x86/boot.rst and Documentation/arch/arm64/booting.rst; PE of the EFI stub.
"""

from __future__ import annotations

HEAD_BYTES = 4096
_X86_AT, _X86 = 0x202, b"HdrS"
_ARM64_AT, _ARM64 = 0x38, b"ARM\x64"
_PE_AT = 0x3C  # where a PE file says its header is
_PE_ARCHS = {0x8664: "amd64", 0xAA64: "arm64"}


def arch_of_kernel(head: bytes) -> str | None:
    """Return `amd64` or `arm64` for the first HEAD_BYTES of a kernel; None where they say neither."""
    if head[_X86_AT : _X86_AT + 4] == _X86:
        return "amd64"
    if head[_ARM64_AT : _ARM64_AT + 4] == _ARM64:
        return "arm64"
    at = int.from_bytes(head[_PE_AT : _PE_AT + 4], "little")
    if head[:2] == b"MZ" and head[at : at + 4] == b"PE\0\0":
        return _PE_ARCHS.get(int.from_bytes(head[at + 4 : at + 6], "little"))
    return None
