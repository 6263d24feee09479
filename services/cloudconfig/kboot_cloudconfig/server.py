"""Binds the two ports while root, gives root up, then serves: HTTP for the boot chain, HTTPS for secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from functools import partial

import uvicorn

from kboot_clusterdesc.layout import KBOOT_UID

from .app import create_app
from .fleet import Fleet
from .settings import Settings


def bound(address: str, port: int) -> socket.socket:
    """A listening socket on `address` alone."""
    # The protocol number is given because asyncio sets TCP_NODELAY only where it sees it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1024)
    return listener


def give_up_root() -> None:
    """Becomes the kboot user, for good."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(KBOOT_UID)
        os.setuid(KBOOT_UID)


async def _serve(settings: Settings, plain: socket.socket, tls: socket.socket) -> None:
    app = create_app(Fleet(settings))
    # No header of a caller may change who the caller is, hence no proxy headers.
    config = partial(
        uvicorn.Config,
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    http = uvicorn.Server(config())
    certificate, key = settings.tls / "server.pem", settings.tls / "server.key"
    # the first server runs the one lifespan
    https = uvicorn.Server(config(lifespan="off", ssl_certfile=certificate, ssl_keyfile=str(key)))
    servers = [asyncio.create_task(http.serve([plain])), asyncio.create_task(https.serve([tls]))]
    await asyncio.wait(servers, return_when=asyncio.FIRST_COMPLETED)
    http.should_exit = https.should_exit = True
    await asyncio.gather(*servers)


def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    plain, tls = bound(settings.bind, settings.http_port), bound(settings.bind, settings.https_port)
    give_up_root()
    asyncio.run(_serve(settings, plain, tls))
