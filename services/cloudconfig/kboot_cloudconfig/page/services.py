"""Asks the other services whether they answer, at most every ten seconds."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.service_loss import LOSS

from . import time_query

_GOOD_FOR_S = 10.0
_OLD_S = 60.0
_WAIT_S = 1.0
_DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a service answered; `why` says what came in its place."""

    name: str
    what: str
    address: str
    why: str | None

    @property
    def loss(self) -> str:
        """What machines lack while it does not answer."""
        return LOSS[self.name]


class Services:
    """The services as they answered last."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._answers: list[Answer] = []
        self._asked_at = -_GOOD_FOR_S
        self._asking: asyncio.Task[None] | None = None

    async def current(self, desc: ClusterDesc) -> list[Answer]:
        """Return which services answer."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            if loop.time() - self._asked_at >= _GOOD_FOR_S:
                self._answers = list(await asyncio.gather(*_asked(desc)))
                self._asked_at = loop.time()
            return self._answers

    async def lately(self, desc: ClusterDesc) -> list[Answer]:
        """Return which services answered within the last minute, and have them asked: few wait for that."""
        if asyncio.get_running_loop().time() - self._asked_at >= _OLD_S:
            return await self.current(desc)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask(desc))
        return self._answers

    async def _ask(self, desc: ClusterDesc) -> None:
        await self.current(desc)


async def services_of(request: Request) -> Services:
    """Return the services of the server that a request came to."""
    services: Services = request.app.state.services
    return services


ServedServices = Annotated[Services, Depends(services_of)]


def _asked(desc: ClusterDesc) -> list[Awaitable[Answer]]:
    host, port = str(desc.network.bootstrapper), desc.registry.port
    asked: list[Awaitable[Answer]] = [
        _answer("dnsmasq", "DHCP, DNS and TFTP", f"{host}:{_DNS_PORT}", _connected(host, _DNS_PORT)),
        _answer("registry", "container images", f"{host}:{port}", _connected(host, port)),
    ]
    if desc.serves_time:
        asked.append(_answer("time", "NTP", f"{host}:{time_query.PORT}", _told_the_time(host)))
    return asked


async def _answer(name: str, what: str, address: str, asking: Awaitable[str | None]) -> Answer:
    """Return whether a service answers who is `asking` it, which says what is wrong with an answer."""
    try:
        async with asyncio.timeout(_WAIT_S):
            why = await asking
    except TimeoutError:
        why = f"no answer within {_WAIT_S:.0f} s"
    except OSError as error:
        why = error.strerror or str(error)
    return Answer(name, what, address, why)


async def _connected(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


async def _told_the_time(host: str) -> str | None:
    """Ask for the time; a server that is there and does not know it tells machines none."""
    loop, stamp = asyncio.get_running_loop(), os.urandom(time_query.STAMP_BYTES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect((host, time_query.PORT))
        await loop.sock_sendall(asking, time_query.time_question(stamp))
        return time_query.fault_of(await loop.sock_recv(asking, 512), stamp)
