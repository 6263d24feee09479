"""Kernels by their first bytes."""

from __future__ import annotations

import pytest

from kboot_updater.kernel import arch_of_kernel


def _pe(machine: int) -> bytes:
    """An EFI stub, compressed or not."""
    return b"MZ" + bytes(0x3A) + (0x80).to_bytes(4, "little") + bytes(0x40) + b"PE\0\0" + machine.to_bytes(2, "little")


@pytest.mark.parametrize(
    ("head", "arch"),
    [
        (b"MZ" + bytes(0x200) + b"HdrS", "amd64"),
        (b"MZ" + bytes(0x36) + b"ARM\x64", "arm64"),
        (_pe(0xAA64), "arm64"),
        (_pe(0x8664), "amd64"),
        (_pe(0x5064), None),
        (b"3975.2.0 flatcar_production_pxe.vmlinuz\n", None),
        (b"", None),
    ],
)
def test_a_kernel_says_for_which_machines_it_is(head: bytes, arch: str | None) -> None:
    assert arch_of_kernel(head) == arch
