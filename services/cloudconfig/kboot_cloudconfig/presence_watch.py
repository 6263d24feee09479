"""Looks whether the machines that run are there: not each of them renews a lease, or has anybody who vouches for it."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac

from .fleet import Fleet
from .log import LogLevel, log
from .presence import RUNS
from .problem import ProblemError

# `discard`: nobody listens there, so the kernel refuses, and no log of the machine has a line of it.
_PORT = 9
_TIMEOUT_S = 3
_AT_ONCE = 64


class PresenceWatch:
    """The loop that tries to connect to each machine that runs: whoever takes the connection or refuses it is there."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._fleet.settings.presence_every_s)
            try:
                await self._look()
            except ProblemError:
                pass  # no description yet, which the fleet's own watch tells
            except Exception as error:  # the border of a background job: it must outlive a bad moment
                log("presence-watch-failed", LogLevel.ERROR, problem=repr(error))

    async def _look(self) -> None:
        fleet = self._fleet
        nodes = fleet.nodes()  # a ProblemError out of a TaskGroup would be none any more
        async with asyncio.TaskGroup() as looks:
            for node in nodes:
                address = fleet.address_of(node)
                if address is not None and fleet.machine(node.mac).phase in RUNS:
                    looks.create_task(self._note(node.mac, address))

    async def _note(self, mac: Mac, address: IPv4Address) -> None:
        async with self._room:
            is_there = await answers(address)
        self._fleet.presence.note(mac, self._fleet.now(), is_there=is_there)
        if is_there:
            self._fleet.hear(mac)


async def answers(address: IPv4Address, port: int = _PORT) -> bool:
    """Return whether a machine with that address takes a connection or refuses it, within three seconds."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(str(address), port)
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
