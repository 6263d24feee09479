"""Looks whether the machines that run are there: not each of them renews a lease, or has anybody who vouches for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from kboot_clusterdesc import EventKind, Mac, Node

from .event import rfc3339
from .fleet import Fleet
from .log import LogLevel, log
from .pieces import in_pieces
from .presence import RUNS
from .problem import ProblemError

# `discard`: nobody listens there, so the kernel refuses, and no log of the machine has a line of it.
_PORT = 9
_TIMEOUT_S = 3.0
_AT_ONCE = 100
_PACE_S = 1.0  # from some to the next ones: a round of thousands lasts longer, and costs no more in a second


class PresenceWatch:
    """The loop that tries to connect to each machine that runs: whoever takes the connection or refuses it is there."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._every_s = fleet.settings.presence_every_s
        self._silent: set[Mac] = set()  # of which that was told

    async def watch(self) -> None:
        """Look for ever."""
        loop, took_s = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(max(self._every_s - took_s, 0))
            begin = loop.time()
            try:
                await self.look()
            except ProblemError:
                pass  # no description yet, which the fleet's own watch tells
            except Exception as error:  # the border of a background job: it must outlive a bad moment
                log("presence-watch-failed", LogLevel.ERROR, problem=repr(error))
            took_s = loop.time() - begin

    async def look(self) -> None:
        """Look once for each machine that runs and was not heard of since the last look."""
        now = self._fleet.now()
        since = now - timedelta(seconds=self._every_s)
        looked_for = await in_pieces(self._fleet, lambda node: self._looked_for(node, since, now))
        found = [each for each in looked_for if each is not None]
        async with asyncio.TaskGroup() as looks:
            for begin in range(0, len(found), _AT_ONCE):
                if begin:
                    await asyncio.sleep(_PACE_S)
                looks.create_task(self._note(found[begin : begin + _AT_ONCE]))

    def _looked_for(self, node: Node, since: datetime, now: datetime) -> tuple[Mac, IPv4Address] | None:
        """Return where a machine is looked for; None of one that does not run, or was there or heard of `since`."""
        fleet = self._fleet
        self._tell(node.mac)
        if fleet.machine(node.mac).phase not in RUNS or fleet.presence.is_there_since(node.mac, since, now):
            return None
        address = fleet.address_of(node)
        return None if address is None else (node.mac, address)

    async def _note(self, machines: Sequence[tuple[Mac, IPv4Address]]) -> None:
        found = await asyncio.gather(*(answers(address) for _, address in machines))
        for (mac, _), is_there in zip(machines, found, strict=True):
            if not self._fleet.has_node(mac):  # forgotten meanwhile
                continue
            self._fleet.presence.note(mac, self._fleet.now(), is_there=is_there)
            if is_there:
                self._fleet.hear(mac)
            self._tell(mac)

    def _tell(self, mac: Mac) -> None:
        """Tell once that a machine that runs is silent, and that it answers again."""
        fleet = self._fleet
        since = fleet.presence.missing_since(mac)
        if since is None and mac not in self._silent:  # nearly every machine
            return
        runs = fleet.machine(mac).phase in RUNS
        if since is not None and runs and mac not in self._silent:
            self._silent.add(mac)
            fleet.tell(EventKind.SILENT, mac, since=rfc3339(since))
        elif mac in self._silent and not (since is not None and runs):
            self._silent.discard(mac)
            if runs:  # a machine that is installed anew meanwhile tells its phases
                fleet.tell(EventKind.ANSWERS, mac)


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
