"""Binds the two ports while root, gives root up, then serves: HTTP for the boot chain, HTTPS for secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kboot_clusterdesc.shared_files import SERVER_CERTIFICATE, SERVER_KEY

from .app import create_app
from .database import NewerState, UnusableState
from .file_pump import FilePump
from .fleet import Fleet
from .http_connection import Timeouts
from .listener import Listener
from .log import log
from .problem import problem
from .settings import Settings

NEWER_STATE_HINT = "run `kboot up` with that kboot, or a newer one; the state is as it was"
_UNSENT_BYTES = 64 * 1024  # that the kernel holds of one connection; they count towards the container's memory
_IP_FREEBIND = 15  # ip(7), linux/in.h; this and the next have no name in the socket module
_TCP_NOTSENT_LOWAT = 25  # linux/tcp.h
_OTHER_DESCRIPTORS = 128  # the database, the listening sockets, what is accepted before others are closed
_MOST_PLAIN, _MOST_TLS = 4096, 256  # asyncio holds half a megabyte for each connection over TLS


def bound(address: str, port: int) -> socket.socket:
    """Return a listening socket on `address` alone."""
    # The protocol number is given because asyncio sets TCP_NODELAY only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # At a boot of the bootstrapper the address may come later than this process.
    listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
    listener.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)  # accepted ones inherit it
    listener.bind((address, port))
    listener.listen(1024)
    return listener


def most_connections() -> tuple[int, int]:
    """Return how many connections may be open, plain and over TLS; each may need a descriptor for a file too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = (hard - _OTHER_DESCRIPTORS) // 2
    tls = min(_MOST_TLS, room // 4)
    return min(_MOST_PLAIN, room - tls), tls


def give_up_root(uid: int) -> None:
    """Become `uid`, and the group of that number, for good."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


class _Server(uvicorn.Server):
    """One of the two uvicorn servers in this process: it leaves signals to `run`, and accepts through a Listener."""

    def __init__(
        self,
        config: uvicorn.Config,
        listening: socket.socket,
        most: int,
        timeouts: Timeouts,
        pump: FilePump | None = None,
    ) -> None:
        super().__init__(config)
        config.load()
        self._listener = Listener(listening, most, timeouts, config.ssl, pump)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and begin to accept connections."""
        await super().startup(sockets=[])
        self._listener.open(self._given)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and wait for the open ones to end."""
        self._listener.close()
        await super().shutdown(sockets)

    def _given(self) -> dict[str, Any]:
        """Return what uvicorn passes to each connection."""
        return {"config": self.config, "server_state": self.server_state, "app_state": self.lifespan.state}


async def _serve(settings: Settings, plain: socket.socket, tls: socket.socket) -> None:
    try:
        fleet = Fleet(settings)
    except NewerState as error:
        log("state-newer", problem=str(error), hint=NEWER_STATE_HINT)
        # It goes on, to tell that to whoever asks, the health check too: an end would be one start after the other.
        await _answer(settings, plain, tls, problem(503, f"{error}: {NEWER_STATE_HINT}"))
        return
    await _answer(settings, plain, tls, create_app(fleet), fleet.end_streams)
    try:
        fleet.keep_heard()
        fleet.store.close()
    except sqlite3.Error as error:  # a full disk: what was heard in the last minute is lost, and nothing else
        log("state-not-closed", problem=str(error))


async def _answer(
    settings: Settings,
    plain: socket.socket,
    tls: socket.socket,
    app: ASGIApp,
    end_streams: Callable[[], None] = lambda: None,
) -> None:
    """Let `app` answer on both sockets until SIGTERM or SIGINT."""
    config = partial(
        uvicorn.Config,
        app,
        http=HttpToolsProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        # No header of a caller may change who the caller is.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    most_plain, most_tls = most_connections()
    pump = FilePump()
    http = _Server(config(), plain, most_plain, settings.timeouts, pump)
    certificate, key = settings.tls / SERVER_CERTIFICATE, settings.tls / SERVER_KEY
    # the first server runs the one lifespan
    secure = config(lifespan="off", ssl_certfile=certificate, ssl_keyfile=str(key))
    https = _Server(secure, tls, most_tls, settings.timeouts)

    def stop() -> None:
        end_streams()
        http.should_exit = https.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    servers = [asyncio.create_task(http.serve()), asyncio.create_task(https.serve())]
    log("serving", address=settings.bind, http=settings.http_port, https=settings.https_port)
    await asyncio.wait(servers, return_when=asyncio.FIRST_COMPLETED)
    stop()
    await asyncio.gather(*servers)
    pump.close()


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    plain, tls = bound(settings.bind, settings.http_port), bound(settings.bind, settings.https_port)
    give_up_root(settings.uid)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, plain, tls))
    except UnusableState as error:
        log("state-unusable", problem=str(error), hint="see that it can be written and that its disk has room")
        sys.exit(1)
