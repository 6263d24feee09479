"""The watch over a network's way out sees what tries to leave, and lets pass what stays."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kboot.host.waiting import looks
from support.namespace import Namespace, cabled, ip
from support.way_out import Query, WayOut, is_inside, watched

_ROUTER, _HERE = "10.99.60.254", "10.99.60.1"
_QUESTION = b"\x00\x07\x01\x00\x00\x01" + bytes(6) + b"\x07Outside\x07example\x00\x00\x01\x00\x01"


@pytest.fixture
def network() -> Iterator[tuple[Namespace, WayOut]]:
    """A network, and the watch at its router."""
    with cabled({"uplink": f"{_ROUTER}/24"}, "way-out") as (router, inside):
        ip("-n", inside.name, "address", "add", f"{_HERE}/24", "dev", "uplink")
        ip("-n", inside.name, "route", "add", "default", "via", _ROUTER)
        with watched(router, inside) as way:
            yield inside, way


def _try(network: Namespace, server: str, port: int) -> None:
    with network.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        with suppress(OSError):
            sock.connect((server, port))


def _seen(way: WayOut, *, packets: int, queries: int) -> WayOut:
    for _ in looks(20, 0.05):
        if (len(way.packets()), len(way.queries())) == (packets, queries):
            return way
    raise AssertionError(f"{way.packets()} {way.queries()}")


def test_a_connection_to_elsewhere_is_seen_by_its_first_packet(network: tuple[Namespace, WayOut]) -> None:
    inside, way = network
    _try(inside, "192.0.2.80", 443)
    (packet,) = _seen(way, packets=1, queries=0).packets()
    assert (packet.source, packet.target, packet.what) == (_HERE, "192.0.2.80", "tcp 443")
    way.forget()
    assert way.packets() == []


def test_a_query_is_seen_wherever_its_server_is(network: tuple[Namespace, WayOut]) -> None:
    inside, way = network
    for server in ("192.0.2.53", _HERE):
        with inside.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(_QUESTION, (server, 53))
    queries = _seen(way, packets=1, queries=2).queries()
    assert queries == [Query(_HERE, server, "outside.example", 1) for server in (_HERE, "192.0.2.53")]
    assert way.packets()[0].what == "udp 53"


def test_what_stays_in_the_network_is_let_pass(network: tuple[Namespace, WayOut]) -> None:
    inside, way = network
    _try(inside, "10.99.60.7", 80)
    _try(inside, _HERE, 80)
    with inside.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(_QUESTION, (_HERE, 5353))
    _try(inside, "192.0.2.80", 80)  # comes last: what stays would have been seen before it
    assert [packet.target for packet in _seen(way, packets=1, queries=0).packets()] == ["192.0.2.80"]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("node1.rack.example.com", 1, True),
        ("rack.example.com", 28, True),
        ("11.40.77.10.in-addr.arpa", 12, True),
        ("5577006791947779410.8674665223082153551", 13, True),
        ("5577006791947779410.8674665223082153551", 1, False),
        ("registry.k8s.io", 1, False),
        ("otherrack.example.com", 1, False),
        ("", 2, False),
    ],
)
def test_a_name_is_of_the_cluster_or_of_elsewhere(name: str, kind: int, expected: bool) -> None:
    assert is_inside(Query(_HERE, _HERE, name, kind), ["rack.example.com"]) is expected
