"""The program that carries a machine's frames, on a bridge of its own: QEMU's end is played, all else is real."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kboot.host.waiting import looks
from support.namespace import Namespace, cabled
from support.places import ROOT

_PORT = ROOT / "lab" / "kboot_lab" / "machine" / "port.py"
_ALL_FRAMES = 0x0003  # ETH_P_ALL
_MAC = bytes.fromhex("525400000001")
_PEER = bytes.fromhex("525400000099")
_ARCHITECTURE = bytes([93, 2, 0, 7])
# What run.sh makes: the network's bridge, and that of the card, whose tap is held here as QEMU holds it.
_LINKS = (
    "link add br0 type bridge forward_delay 0",
    "link set lab master br0",
    "link set br0 up",
    "link add port0 type bridge forward_delay 0",
    "link set port0 up",
    "link set tap0 master port0 up",
)


def frame_of(target: bytes, source: bytes, text: bytes = b"") -> bytes:
    """A frame of a protocol that no kernel looks into (IEEE 802, local experimental)."""
    return target + source + b"\x88\xb5" + bytes(46) + text


def request() -> bytes:
    """A DHCP request of firmware, whole enough for a bridge that looks at IP headers."""
    options = bytes([53, 1, 1, 60, 9]) + b"PXEClient" + _ARCHITECTURE + b"\xff"
    body = bytes(236) + b"\x63\x82\x53\x63" + options
    udp = struct.pack(">HHHH", 68, 67, 8 + len(body), 0x1234) + body
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack(">10H", header))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    ip = header[:10] + checksum.to_bytes(2, "big") + header[12:]
    frame: bytes = b"\xff" * 6 + _MAC + b"\x08\x00" + ip + udp
    return frame


class Ends:
    """The card's end, as QEMU has it, and the network's."""

    def __init__(self, switch: Namespace, card: int, network: int, began: float) -> None:
        self._switch, self._card, self._network = switch, card, network
        self.began = began  # no port was there before

    def send_from_machine(self, frame: bytes) -> None:
        """Send as the card does."""
        os.write(self._card, frame)

    def send_to_machine(self, frame: bytes) -> None:
        """Send as a neighbour on the network does."""
        os.write(self._network, frame)

    def at_network(self, wait_s: float = 10) -> bytes:
        """The next frame of the machine that the network sees; empty where none comes."""
        return _next_frame(self._network, _MAC, wait_s)

    def at_machine(self, wait_s: float = 10) -> bytes:
        """The next frame of the neighbour that the card gets; empty where none comes."""
        return _next_frame(self._card, _PEER, wait_s)

    def carried_to_machine(self) -> int:
        """How many frames the program put on the card's bridge."""
        return int(self._switch.run("cat", "/sys/class/net/card0/statistics/rx_packets").stdout)


def _next_frame(end: int, source: bytes, wait_s: float) -> bytes:
    until = time.monotonic() + wait_s
    while select.select([end], [], [], max(0.0, until - time.monotonic()))[0]:
        if (frame := os.read(end, 2048))[6:12] == source:
            return frame
    return b""


@contextmanager
def carried(tmp_path: Path, *options: str) -> Iterator[Ends]:
    """A card whose frames port.py carries to a bridge, and from there over a cable."""
    with cabled({"lab": "10.0.0.1/24"}, "port") as (switch, network), os.fdopen(switch.tap("tap0"), "r+b", 0) as card:
        for words in _LINKS:
            assert switch.run("ip", *words.split()).returncode == 0
        command = [sys.executable, str(_PORT), *options, "br0", _MAC.hex(":")]
        began = time.monotonic()
        with switch.daemon(command, {}, tmp_path / "log"), _wire(network, "lab") as wire:
            for _ in looks(10, 0.05):
                if "UP" in switch.run("ip", "-br", "link", "show", "card0").stdout:
                    break
            yield Ends(switch, card.fileno(), wire.fileno(), began)


def _wire(namespace: Namespace, card: str) -> socket.socket:
    wire = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
    wire.bind((card, _ALL_FRAMES))
    return wire


def test_frames_go_both_ways_and_come_as_late_as_was_asked(tmp_path: Path) -> None:
    with carried(tmp_path, "--delay=300") as ends:
        out, back = frame_of(_PEER, _MAC), frame_of(_MAC, _PEER)
        began = time.monotonic()
        ends.send_from_machine(out)
        assert ends.at_network() == out
        ends.send_to_machine(back)
        assert ends.at_machine() == back
        assert time.monotonic() - began >= 0.6


def test_an_old_rom_asks_dhcp_without_its_architecture(tmp_path: Path) -> None:
    with carried(tmp_path, "--without-option-93") as ends:
        ends.send_from_machine(request())
        seen = ends.at_network()
        assert _ARCHITECTURE not in seen
        assert b"PXEClient" in seen


def test_nothing_passes_before_the_port_forwards(tmp_path: Path) -> None:
    with carried(tmp_path, "--forward-after=3") as ends:
        for _ in looks(20, 0.1):
            ends.send_from_machine(frame_of(_PEER, _MAC))
            if ends.at_network(0):
                break
        else:
            raise AssertionError("nothing passed at all")
        assert time.monotonic() - ends.began >= 3


def test_a_machine_that_takes_nothing_for_a_while_goes_on_afterwards(tmp_path: Path) -> None:
    with carried(tmp_path, "--delay=5") as ends:
        for sent in range(0, 2000, 250):  # the program is never given more at once than its own tap holds
            for number in range(sent, sent + 250):
                ends.send_to_machine(frame_of(_MAC, _PEER, number.to_bytes(2, "big")))
            assert any(ends.carried_to_machine() >= sent + 250 for _ in looks(20, 0.05))
        out = frame_of(_PEER, _MAC)
        ends.send_from_machine(out)
        assert ends.at_network() == out
        taken = 0
        while ends.at_machine(0.5):
            taken += 1
        assert 0 < taken < 2000
        last = frame_of(_MAC, _PEER, b"last")
        ends.send_to_machine(last)
        assert ends.at_machine() == last
