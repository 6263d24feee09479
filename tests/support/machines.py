"""What firmware, iPXE and an installed system put into their DHCP requests (RFC 4578, RFC 4361)."""

from __future__ import annotations

from collections.abc import Mapping

WANTED = bytes((1, 3, 6, 12, 15, 42, 43, 51, 54, 60, 66, 67, 119, 128, 150, 175))


def _pxe(arch: int, vendor: str = "PXEClient") -> dict[int, bytes]:
    return {
        55: WANTED,
        57: (1260).to_bytes(2, "big"),
        60: f"{vendor}:Arch:{arch:05d}:UNDI:003010".encode(),
        93: arch.to_bytes(2, "big"),
        94: b"\x01\x03\x10",
        97: bytes(17),
    }


def bios_rom(mac: str) -> Mapping[int, bytes]:
    """A card's own PXE ROM: its client id is the MAC with type 1."""
    return {**_pxe(0), 61: b"\x01" + bytes.fromhex(mac.replace(":", ""))}


def uefi(arch: int) -> Mapping[int, bytes]:
    """PXE of a UEFI firmware, which names itself by a UUID."""
    return {**_pxe(arch), 61: b"\x00" + bytes(range(16))}


def old_rom() -> Mapping[int, bytes]:
    """A card's PXE ROM from before RFC 4578: it does not say what machine it is in."""
    return {55: WANTED, 60: b"PXEClient"}


def uefi_http(arch: int = 16) -> Mapping[int, bytes]:
    """HTTP boot of a UEFI firmware, by default for x86-64."""
    return _pxe(arch, "HTTPClient")


def ipxe(arch: int = 0) -> Mapping[int, bytes]:
    """iPXE, as a ROM or loaded by one: user class and its own option 175."""
    return {**_pxe(arch), 77: b"iPXE", 175: b"\xb1\x05\x01\x1a\xf4\x10\x00\xeb\x03\x01\x00\x00"}


def installed_system(seed: int) -> Mapping[int, bytes]:
    """A system that names itself by an IAID and a DUID made from its machine id, as systemd does by default."""
    duid = b"\x00\x02\x00\x00\xab\x11" + seed.to_bytes(8, "big")
    return {55: WANTED, 61: b"\xff" + bytes(4) + duid, 12: b"localhost"}
