"""Binds the two ports while root, gives root up, then serves: HTTP for the boot chain, HTTPS for secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn

from .app import create_app
from .database import UnusableState
from .fleet import Fleet
from .log import log
from .settings import Settings


def bound(address: str, port: int) -> socket.socket:
    """A listening socket on `address` alone."""
    # The protocol number is given because asyncio sets TCP_NODELAY only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1024)
    return listener


def give_up_root(uid: int) -> None:
    """Becomes `uid` and its group of the same number, for good."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


class _Server(uvicorn.Server):
    """One of two servers in this process, which therefore handles no signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(settings: Settings, plain: socket.socket, tls: socket.socket) -> None:
    fleet = Fleet(settings)
    config = partial(
        uvicorn.Config,
        create_app(fleet),
        log_config=None,
        access_log=False,
        # No header of a caller may change who the caller is.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    http = _Server(config())
    certificate, key = settings.tls / "server.pem", settings.tls / "server.key"
    # the first server runs the one lifespan
    https = _Server(config(lifespan="off", ssl_certfile=certificate, ssl_keyfile=str(key)))

    def stop() -> None:
        fleet.end_streams()
        http.should_exit = https.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    servers = [asyncio.create_task(http.serve([plain])), asyncio.create_task(https.serve([tls]))]
    log("serving", address=settings.bind, http=settings.http_port, https=settings.https_port)
    await asyncio.wait(servers, return_when=asyncio.FIRST_COMPLETED)
    stop()
    await asyncio.gather(*servers)
    fleet.store.close()


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    plain, tls = bound(settings.bind, settings.http_port), bound(settings.bind, settings.https_port)
    give_up_root(settings.uid)
    try:
        asyncio.run(_serve(settings, plain, tls))
    except UnusableState as error:
        log("state-unusable", problem=str(error), hint="see that it can be written and that its disk has room")
        sys.exit(1)
