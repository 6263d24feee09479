"""What tries to leave a network: each packet that comes to its router, each name that is asked for within it."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from support.namespace import Namespace

_ALL_PROTOCOLS, _IPV4 = 0x0003, 0x0800  # ETH_P_ALL, ETH_P_IP
_FOR_US = 0  # PACKET_HOST of packet(7)
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_TCP, _UDP, _DNS_PORT, _HINFO = 6, 17, 53, 13
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL: the kernel's word for a frame's type
_LOOK_S = 0.2
_LEAST_BYTES = 28  # of an IP header and one of UDP or ICMP
# Packets to port 53, as the kernel takes a filter (Linux' Documentation/networking/filter.rst): code, jt, jf, k. All
# other traffic of a rack would drown the reader.
_TO_DNS = (
    (0x28, 0, 0, _PROTOCOL),  # ldh the frame's type
    (0x15, 0, 6, _IPV4),  # jeq
    (0x30, 0, 0, 9),  # ldb the protocol
    (0x15, 1, 0, _UDP),  # jeq
    (0x15, 0, 3, _TCP),  # jeq
    (0xB1, 0, 0, 0),  # ldxb 4 * (the length of the header)
    (0x48, 0, 0, 2),  # ldh the port that it goes to
    (0x15, 1, 0, _DNS_PORT),  # jeq
    (0x06, 0, 0, 0),  # ret: not taken
    (0x06, 0, 0, 0xFFFF),  # ret: taken
)


@dataclass(frozen=True, slots=True, order=True)
class Packet:
    """A packet that came to the router: a SYN, a query, anything."""

    source: str
    target: str
    what: str  # such as `tcp 443`


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """A question for a name server."""

    source: str
    server: str
    name: str  # in lower case, without the last dot; empty for the root
    kind: int  # a type of record: 1 for A, 13 for HINFO


class WayOut:
    """What was seen since the last `forget`, each once."""

    def __init__(self) -> None:
        self._packets: set[Packet] = set()
        self._queries: set[Query] = set()
        self._lock = threading.Lock()

    def packets(self) -> list[Packet]:
        """What came to the router."""
        with self._lock:
            return sorted(self._packets)

    def queries(self) -> list[Query]:
        """What was asked of name servers, wherever these are."""
        with self._lock:
            return sorted(self._queries)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._packets.clear()
            self._queries.clear()

    def _take(self, packets: Iterable[Packet], queries: Iterable[Query]) -> None:
        with self._lock:
            self._packets.update(packets)
            self._queries.update(queries)


@contextmanager
def watched(router: Namespace, network: Namespace) -> Iterator[WayOut]:
    """What comes to `router`, whose only cable is the network's, and the names that are asked for in `network`."""
    way, ended = WayOut(), threading.Event()
    with _packets_of(router) as arriving, _packets_of(network, _TO_DNS) as asking:

        def watch() -> None:
            while not ended.is_set():
                for ready in select.select([arriving, asking], [], [], _LOOK_S)[0]:
                    data, (_, protocol, kind, *_) = ready.recvfrom(2048)
                    if protocol == _IPV4 and len(data) >= _LEAST_BYTES:
                        is_at_router = ready is arriving and kind == _FOR_US
                        way._take([_packet(data)] if is_at_router else [], _queries(data) if ready is asking else [])

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield way
        finally:
            ended.set()
            thread.join()


def is_inside(query: Query, domains: Iterable[str]) -> bool:
    """Whether a question is about names of `domains` or about addresses.

    A name of two numbers is nobody's: CoreDNS looks by it whether its own queries come back (plugin `loop`).
    """
    is_of_loop = query.kind == _HINFO and all(label.isdecimal() for label in query.name.split("."))
    inside = (*domains, "in-addr.arpa", "ip6.arpa")
    return is_of_loop or any(query.name == domain or query.name.endswith(f".{domain}") for domain in inside)


def _packets_of(namespace: Namespace, program: tuple[tuple[int, int, int, int], ...] = ()) -> socket.socket:
    """A socket to which packets of every interface come, from their IP header on, as far as `program` takes them."""
    made = namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
    if program:
        lines = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
        made.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(lines)))
    return made


def _packet(data: bytes) -> Packet:
    names = {1: "icmp", _TCP: "tcp", _UDP: "udp"}
    what = names.get(data[9], f"protocol {data[9]}")
    if data[9] in (_TCP, _UDP):
        at = 4 * (data[0] & 15)
        what += f" {int.from_bytes(data[at + 2 : at + 4])}"
    return Packet(str(IPv4Address(data[12:16])), str(IPv4Address(data[16:20])), what)


def _queries(data: bytes) -> Iterator[Query]:
    """Yield the question of a packet to a name server, if one stands in it."""
    at = 4 * (data[0] & 15)
    if data[9] not in (_TCP, _UDP) or int.from_bytes(data[at + 2 : at + 4]) != _DNS_PORT:
        return  # it came before the socket had its program
    # RFC 1035, 4.2: over TCP the length of the message stands before it.
    message = data[at + 4 * (data[at + 12] >> 4) + 2 :] if data[9] == _TCP else data[at + 8 :]
    labels, at = [], 12
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    if at < len(message):
        source, server = str(IPv4Address(data[12:16])), str(IPv4Address(data[16:20]))
        yield Query(source, server, ".".join(labels), int.from_bytes(message[at + 1 : at + 3]))
