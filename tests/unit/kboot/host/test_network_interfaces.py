"""Ports and who holds them."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from kboot.host.network_interfaces import listeners
from kboot_compose.services import Port

LOOPBACK = IPv4Address("127.0.0.1")


def test_a_listener_on_all_addresses_is_in_the_way_and_named() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - the very case
        port = Port("tcp", server.getsockname()[1])
        (found,) = listeners([port], LOOPBACK)
        assert (found.port, found.address) == (port, IPv4Address(0))
        assert found.program is not None


def test_of_a_port_that_is_bound_everywhere_a_listener_on_any_address_is_in_the_way() -> None:
    with socket.create_server(("127.0.0.53", 0)) as server:
        port = Port("tcp", server.getsockname()[1])
        (found,) = listeners([port], LOOPBACK, everywhere=[port])
        assert (found.port, found.address) == (port, IPv4Address("127.0.0.53"))


def test_a_stub_on_another_address_is_not_in_the_way() -> None:
    with socket.create_server(("127.0.0.53", 0)) as server:
        assert listeners([Port("tcp", server.getsockname()[1])], LOOPBACK) == []
