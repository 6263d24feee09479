"""Leases and first loaders as firmware asks for them: DHCP in raw frames (RFC 2131), TFTP (RFC 1350, RFC 2348)."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from .network import CABLE

DISCOVER, REQUEST = 1, 3
_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE = 33  # socket(7); it has no name in the socket module
_MAGIC = b"\x63\x82\x53\x63"
_WAITS_S = (1, 2, 4, 8, 8, 8, 8)  # before a message is sent again, as iPXE does
_BLOCK = 1456  # that most ROMs ask for


class Unanswered(Exception):
    """Nobody answered, however often it was asked."""


class DhcpPort:
    """The cards of many machines at one cable; what is sent again is counted."""

    def __init__(self) -> None:
        self.repeats, self.refusals = 0, 0
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.bind((CABLE, _ETH_P_IP))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    async def lease(self, mac: str) -> str:
        """Return the address that is leased to a machine; a refusal begins anew."""
        for _ in range(5):
            offer = await self._ask(mac, DISCOVER, b"")
            wanted = b"\x32\x04" + offer[16:20] + b"\x36\x04" + _option(offer, 54)
            answer = await self._ask(mac, REQUEST, wanted)
            if _option(answer, 53) == b"\x05":
                return str(IPv4Address(answer[16:20]))
            self.refusals += 1
        raise Unanswered(mac)

    async def _ask(self, mac: str, kind: int, options: bytes) -> bytes:
        hardware, number = bytes.fromhex(mac.replace(":", "")), os.urandom(4)
        frame = dhcp_frame(hardware, number, kind, options)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            for tries, wait_s in enumerate(_WAITS_S):
                self.repeats += bool(tries)
                self._socket.send(frame)
                done, _ = await asyncio.wait({answer}, timeout=wait_s)
                if done:
                    return answer.result()
        finally:
            del self._waiting[number]
        raise Unanswered(mac)

    def _read(self) -> None:
        for _ in range(256):
            try:
                frame = self._socket.recv(2048)
            except BlockingIOError:
                return
            if frame[23:24] == b"\x11" and frame[36:38] == b"\x00\x44":
                waiting = self._waiting.get(frame[46:50])
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame[42:])


def dhcp_frame(hardware: bytes, number: bytes, kind: int, options: bytes) -> bytes:
    """Return the frame of a message of iPXE on a BIOS machine, to be answered by broadcast."""
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, number, 0, 0x8000) + bytes(16) + hardware.ljust(16, b"\0") + bytes(192)
    said = bytes((53, 1, kind)) + b"\x5d\x02\x00\x00" + b"\x37\x04\x01\x03\x42\x43" + b"\x3c\x09PXEClient" + options
    message = (head + _MAGIC + said + b"\xff").ljust(300, b"\0")
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", ~total & 0xFFFF) + ip[12:]
    return b"\xff" * 6 + hardware + struct.pack("!H", _ETH_P_IP) + ip + udp


def _option(message: bytes, wanted: int) -> bytes:
    at = 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        if message[at] == wanted:
            return message[at + 2 : at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return b""


class _Transfer(asyncio.DatagramProtocol):
    def __init__(self, on_block: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._on_block = on_block

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_block(data, addr)


async def fetch_loader(source: str, host: str, name: str) -> int:
    """Fetch a file over TFTP from `source`, and return its bytes; raises Unanswered where a block does not come."""
    loop = asyncio.get_running_loop()
    got = asyncio.Event()
    state = {"block": 0, "bytes": 0, "is_over": False}
    request = b"\x00\x01" + name.encode() + b"\0octet\0blksize\0%d\0" % _BLOCK

    def on_block(data: bytes, peer: tuple[str, int]) -> None:
        code, number = struct.unpack("!HH", data[:4])
        if code == 6:
            transport.sendto(b"\x00\x04\x00\x00", peer)
        elif code == 3 and number == (state["block"] + 1) % 65536:
            state["block"] += 1
            state["bytes"] += len(data) - 4
            state["is_over"] = len(data) < 4 + _BLOCK
            transport.sendto(b"\x00\x04" + data[2:4], peer)
        got.set()

    transport, _ = await loop.create_datagram_endpoint(lambda: _Transfer(on_block), local_addr=(source, 0))
    try:
        transport.sendto(request, (host, 69))
        silent = 0
        while not state["is_over"]:
            got.clear()
            try:
                await asyncio.wait_for(got.wait(), 2)
                silent = 0
            except TimeoutError:
                silent += 1
                if silent > 5:
                    raise Unanswered(name) from None
                if not state["block"]:
                    transport.sendto(request, (host, 69))
        return int(state["bytes"])
    finally:
        transport.close()
