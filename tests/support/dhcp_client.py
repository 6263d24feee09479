"""A DHCP client that can be any firmware or system: raw frames, since it has no address yet (RFC 2131)."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from support.namespace import Namespace

DISCOVER, OFFER, REQUEST, ACK, NAK, INFORM = 1, 2, 3, 5, 6, 8
_MAGIC = b"\x63\x82\x53\x63"
_BROADCAST = b"\xff" * 6
_ETH_P_IP = 0x0800

Options = Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer."""

    kind: int
    address: IPv4Address
    next_server: IPv4Address
    file: str
    options: dict[int, bytes] = field(repr=False)

    def addresses(self, option: int) -> list[str]:
        """The addresses of an option, none when it is not there."""
        data = self.options.get(option, b"")
        return [str(IPv4Address(data[i : i + 4])) for i in range(0, len(data), 4)]


@dataclass(frozen=True, slots=True)
class DhcpClient:
    """A network card in a namespace; `mac` need not be that of the interface."""

    namespace: Namespace
    interface: str
    mac: str

    def lease(self, options: Options) -> Reply:
        """The acknowledged lease: discover, offer, request, ack."""
        offer = self.ask(DISCOVER, options)
        assert offer is not None, f"no offer to {self.mac}"
        assert offer.kind == OFFER
        wanted = {50: offer.address.packed, 54: offer.options[54]}
        reply = self.ask(REQUEST, {**options, **wanted})
        assert reply is not None, f"no acknowledgement to {self.mac}"
        assert reply.kind == ACK
        assert reply.address == offer.address
        return reply

    def ask(self, kind: int, options: Options, wait_s: float = 30.0) -> Reply | None:
        """The answer to one broadcast message, None when none comes in time; dnsmasq may ping for seconds before."""
        frame, number = self.frame(kind, options)
        with self.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP)) as sock:
            sock.bind((self.interface, _ETH_P_IP))
            sock.send(frame)
            until = time.monotonic() + wait_s
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    came = sock.recv(2048)
                except TimeoutError:
                    break
                if number_of(came) == number:
                    return parsed_frame(came)
        return None

    def frame(self, kind: int, options: Options) -> tuple[bytes, bytes]:
        """One broadcast message as it is on the wire, and the number that its answer has too."""
        message, number = self._message(kind, options)
        return _frame(self._hardware, message), number

    def ask_boot_server(self, server: str, options: Options, own: str, wait_s: float = 3.0) -> Reply | None:
        """The answer of the PXE port, which a machine asks once it has an address from elsewhere."""
        message, _ = self._message(REQUEST, options, own)
        with self.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((own, 68))
            sock.settimeout(wait_s)
            sock.sendto(message, (server, 4011))
            try:
                return parsed(sock.recv(2048))
            except TimeoutError:
                return None

    @property
    def _hardware(self) -> bytes:
        return bytes.fromhex(self.mac.replace(":", ""))

    def _message(self, kind: int, options: Options, own: str = "0.0.0.0") -> tuple[bytes, bytes]:  # noqa: S104
        number = os.urandom(4)
        head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, number, 0, 0x8000)
        head += IPv4Address(own).packed + bytes(12) + self._hardware.ljust(16, b"\0") + bytes(192) + _MAGIC
        body = b"".join(bytes((n, len(value))) + value for n, value in {53: bytes((kind,)), **options}.items())
        return (head + body + b"\xff").ljust(300, b"\0"), number


def number_of(frame: bytes) -> bytes | None:
    """The number of the message that a frame answers; None where it is no answer of a DHCP server."""
    is_answer = frame[23] == socket.IPPROTO_UDP and frame[36:38] == b"\x00\x44"
    return frame[46:50] if is_answer else None


def parsed_frame(frame: bytes) -> Reply:
    """The DHCP message in a frame."""
    return parsed(frame[42:])


def parsed(message: bytes) -> Reply:
    """A DHCP message; an overloaded header is not read, dnsmasq sends none unless it must."""
    assert message[236:240] == _MAGIC
    options: dict[int, bytes] = {}
    at = 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        length = message[at + 1]
        options[message[at]] = options.get(message[at], b"") + message[at + 2 : at + 2 + length]
        at += 2 + length
    file = options.get(67) or message[108:236]
    return Reply(
        kind=options[53][0],
        address=IPv4Address(message[16:20]),
        next_server=IPv4Address(message[20:24]),
        file=file.split(b"\0")[0].decode(),
        options=options,
    )


def menu_choice(offer: Reply) -> Mapping[int, bytes]:
    """The choice of the menu's only entry (PXE 2.1, option 43); UEFI is offered no menu and chooses nothing."""
    data, at = offer.options.get(43, b""), 0
    while at < len(data) and data[at] != 255:
        tag, length = data[at], data[at + 1]
        if tag == 9:  # the menu: type of boot server, length of its name, name
            assert length == 3 + data[at + 4], "the menu has several entries"
            return {43: b"\x47\x04" + data[at + 2 : at + 4] + b"\x00\x00\xff"}
        at += 2 + length
    return {}


def _frame(source: bytes, message: bytes) -> bytes:
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
    return _BROADCAST + source + struct.pack("!H", _ETH_P_IP) + head + udp
