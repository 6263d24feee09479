"""Carry the frames of a machine's cards as bad ports of a switch do: `port.py BRIDGE [OPTION]... MAC...`.

Card number N is on a bridge of its own, port<N>, with this program alone, which carries frames between that and BRIDGE.
The kernel of the host need not know any of it: netem is a module that not every kernel has.
"""

from __future__ import annotations

import argparse
import fcntl
import heapq
import itertools
import os
import random
import selectors
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field

_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x0002 | 0x1000  # IFF_TAP, IFF_NO_PI
_DHCP_SERVER, _DHCP_CLIENT = 67, 68
_VENDOR_CLASS, _CLIENT_ID, _ARCHITECTURE, _PAD, _END = 60, 61, 93, 0, 255
_LATE_LEASE_S = 5
_FRAME_BYTES = 65550  # the largest that a tap gives

Sent = tuple[float, bytes]  # when, and what


@dataclass(slots=True)
class Port:
    """A port of a switch; times are seconds of one clock, and every method is told what it is now."""

    opens_at: float = 0
    forward_after_s: float = 0
    delay_s: float = 0
    loss: float = 0
    late_lease_s: float = 0
    tells_architecture: bool = True
    chance: random.Random = field(default_factory=random.Random)
    _client: tuple[bool, bytes] | None = None  # who spoke last: is it firmware, its client id if not

    def from_machine(self, frame: bytes, now: float) -> Sent | None:
        """Return when the frame goes to the network, and what then goes; None where it is lost."""
        options = dhcp_options(frame, _DHCP_SERVER)
        if options is not None:
            self._see(frame, options, now)
        if now < self.opens_at or self._is_lost():
            return None
        if options is not None and not self.tells_architecture:
            frame = without_architecture(frame, options)
        return now + self.delay_s, frame

    def to_machine(self, frame: bytes, now: float) -> Sent | None:
        """Return when the machine gets the frame; None where it is lost."""
        if now < self.opens_at or self._is_lost():
            return None
        late_s = self.late_lease_s and dhcp_options(frame, _DHCP_CLIENT) is not None and self.late_lease_s
        return now + self.delay_s + late_s, frame

    def _see(self, frame: bytes, options: int, now: float) -> None:
        """Close the port anew where the system takes the card from firmware or initrd: it resets the link.

        Each of the three has a client id of its own.
        """
        is_firmware = _value(frame, options, _VENDOR_CLASS)[:9] == b"PXEClient"
        client = (is_firmware, b"" if is_firmware else _value(frame, options, _CLIENT_ID))
        if self._client not in (None, client) and not is_firmware:
            self.opens_at = now + self.forward_after_s
        self._client = client

    def _is_lost(self) -> bool:
        return self.loss > 0 and self.chance.random() < self.loss


def dhcp_options(frame: bytes, port: int) -> int | None:
    """Return where the DHCP options of a frame to this UDP port begin; None where it has none (RFC 2131, 2)."""
    udp = 14 + (frame[14] & 15) * 4 if len(frame) > 34 else 0
    options = udp + 8 + 240
    if frame[12:14] != b"\x08\x00" or frame[23] != 17 or len(frame) <= options:
        return None
    if int.from_bytes(frame[udp + 2 : udp + 4], "big") != port or frame[options - 4 : options] != b"\x63\x82\x53\x63":
        return None
    return options


def without_architecture(frame: bytes, options: int) -> bytes:
    """Return the frame as a ROM sends it that knows nothing of RFC 4578: no option 93."""
    at = _place(frame, options, _ARCHITECTURE)
    if at is None:
        return frame
    changed = bytearray(frame)
    changed[at : at + 2 + frame[at + 1]] = bytes(2 + frame[at + 1])
    udp = 14 + (frame[14] & 15) * 4
    changed[udp + 6 : udp + 8] = b"\0\0"  # no checksum (RFC 768)
    return bytes(changed)


def _place(frame: bytes, options: int, wanted: int) -> int | None:
    at = options
    while at + 1 < len(frame) and frame[at] != _END:
        if frame[at] == wanted:
            return at
        at += 1 if frame[at] == _PAD else 2 + frame[at + 1]
    return None


def _value(frame: bytes, options: int, wanted: int) -> bytes:
    at = _place(frame, options, wanted)
    return b"" if at is None else frame[at + 2 : at + 2 + frame[at + 1]]


class Card:
    """The two ends of one card's cable: a tap on the bridge of the network, and one on the card's own."""

    def __init__(self, bridge: str, number: int, port: Port) -> None:
        self.port = port
        self.network = _tap(f"net{number}", bridge)
        self.machine = _tap(f"card{number}", f"port{number}")

    def put(self, end: int, frame: bytes) -> None:
        """Put a frame on the bridge at one end; a machine that takes nothing loses it, as at a real port."""
        with suppress(OSError):  # the bridge is gone
            os.write(end, frame)


def _tap(name: str, bridge: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
    subprocess.run(["ip", "link", "set", name, "master", bridge, "up"], check=True)
    return tap


def carry(cards: list[Card]) -> None:
    """Carry frames for ever."""
    waiting: list[tuple[float, int, Card, int, bytes]] = []
    number = itertools.count()  # frames of one time keep their order
    with selectors.DefaultSelector() as selector:
        for card in cards:
            selector.register(card.network, selectors.EVENT_READ, (card, card.machine))
            selector.register(card.machine, selectors.EVENT_READ, (card, card.network))
        while True:
            wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for key, _ in selector.select(wait_s):
                card, end = key.data
                frame = os.read(key.fd, _FRAME_BYTES)
                decide = card.port.to_machine if end == card.machine else card.port.from_machine
                sent = decide(frame, time.monotonic())
                if sent is not None:
                    heapq.heappush(waiting, (sent[0], next(number), card, end, sent[1]))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, card, end, frame = heapq.heappop(waiting)
                card.put(end, frame)


def main() -> None:
    """Make the ports and carry their frames."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--forward-after", type=float, default=0, help="seconds")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds, each way")
    parser.add_argument("--loss", type=float, default=0, help="percent, each way")
    parser.add_argument("--late-lease", action="append", default=[], help="a MAC whose DHCP answers come late")
    parser.add_argument("--without-option-93", action="store_true")
    parser.add_argument("bridge")
    parser.add_argument("macs", nargs="+")
    given = parser.parse_args()
    cards = [
        Card(
            given.bridge,
            number,
            Port(
                opens_at=time.monotonic() + given.forward_after,
                forward_after_s=given.forward_after,
                delay_s=given.delay / 1000,
                loss=given.loss / 100,
                late_lease_s=_LATE_LEASE_S if mac in given.late_lease else 0,
                tells_architecture=not given.without_option_93,
                chance=random.Random(mac),  # noqa: S311 - the same frames are lost again
            ),
        )
        for number, mac in enumerate(given.macs)
    ]
    carry(cards)


if __name__ == "__main__":
    main()
