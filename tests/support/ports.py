"""Ports for the servers of tests."""

from __future__ import annotations

import socket
from secrets import randbelow

# Below what the kernel gives to outgoing connections (from 32768): none takes the port while its server is away.
_FIRST, _PAIRS = 10000, 10000


def free_port(address: str = "127.0.0.1") -> int:
    """A port that is free there, as is the one after it on loopback; random, for processes that choose at once."""
    for _ in range(100):
        port = _FIRST + 2 * randbelow(_PAIRS)
        try:
            for place in ((address, port), ("127.0.0.1", port + 1)):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(place)
        except OSError:
            continue
        return port
    raise AssertionError(f"no port is free on {address}")
