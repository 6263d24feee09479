"""Answer the IPv6 router solicitations of this container's machine: there is no router to wait for.

iPXE asks for an IPv6 router before it speaks IPv4 and waits 16 seconds in vain. An answer goes to the card that asked
and no further. It is sent through a tap device of this program's own, which takes no right to raw sockets.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000  # IFF_TAP, IFF_NO_PI
_IPV6, _ICMPV6, _SOLICITATION, _ADVERTISEMENT = 0x86DD, 58, 133, 134
_MAC = bytes.fromhex("02006b626f74")
_ADDRESS = bytes.fromhex("fe80000000000000 0000 6bff fe62 6f74".replace(" ", ""))


def answer(frame: bytes, cards: set[bytes]) -> bytes | None:
    """Return the Ethernet frame that answers `frame`; None if that is no router solicitation of one of `cards`."""
    if len(frame) < 62 or frame[6:12] not in cards or int.from_bytes(frame[12:14], "big") != _IPV6:
        return None
    if frame[20] != _ICMPV6 or frame[54] != _SOLICITATION:
        return None
    asker = frame[22:38]
    # RFC 4861, 4.2: a router lifetime of 0 says that this is no default router.
    advertisement = struct.pack(">BBHBBHII", _ADVERTISEMENT, 0, 0, 64, 0, 0, 0, 0)
    target = asker if any(asker) else bytes.fromhex("ff02" + "00" * 13 + "01")
    pseudo = _ADDRESS + target + struct.pack(">II", len(advertisement), _ICMPV6)
    checksum = _checksum(pseudo + advertisement)
    advertisement = advertisement[:2] + checksum.to_bytes(2, "big") + advertisement[4:]
    header = struct.pack(">IHBB", 0x60000000, len(advertisement), _ICMPV6, 255) + _ADDRESS + target
    return frame[6:12] + _MAC + _IPV6.to_bytes(2, "big") + header + advertisement


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main(bridge: str, macs: list[str]) -> None:
    """Answer the solicitations of the cards with these MACs on `bridge`, for ever."""
    cards = {bytes.fromhex(mac.replace(":", "")) for mac in macs}
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", b"routers", _TAP_WITHOUT_HEADER))
    subprocess.run(["ip", "link", "set", "routers", "master", bridge, "up"], check=True)
    while True:
        answered = answer(os.read(tap, 2048), cards)
        if answered is not None:
            os.write(tap, answered)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
