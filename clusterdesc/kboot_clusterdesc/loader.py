"""The boot loaders that a node may be described to have."""

from __future__ import annotations

from enum import StrEnum


class Loader(StrEnum):
    """What a machine's firmware is told to load first: the files that `services/loaders` hands out for that."""

    UNDIONLY = "undionly.kpxe"
    IPXE_BIOS = "ipxe.pxe"
    PXELINUX = "pxelinux.0"
    SNPONLY = "snponly.efi"
    IPXE_UEFI = "ipxe.efi"

    @property
    def is_for_uefi(self) -> bool:
        """Whether UEFI starts it; a BIOS starts the others."""
        return self.endswith(".efi")
