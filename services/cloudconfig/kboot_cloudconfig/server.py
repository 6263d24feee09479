"""Serves on the sockets it is given: HTTP for the boot chain, HTTPS for secrets."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sqlite3
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kboot_clusterdesc.shared_files import DESCRIPTION, SERVER_CERTIFICATE, SERVER_KEY

from .app import answering
from .database import NewerState, UnusableState
from .description import DescriptionFile
from .file_pump import FilePump
from .fleet import Fleet
from .hand_over import END, GO, LOADED, PASS_ON, PASSED_ON, SERVING, Given, Line, passed_on
from .listener import Listener
from .log import LogLevel, log, take_library_logs
from .problem import problem
from .settings import Settings, Timeouts

NEWER_STATE_HINT = "run `kboot up` with that kboot, or a newer one; the state is as it was"
_OTHER_DESCRIPTORS = 128  # the database, the listening sockets, what is accepted before others are closed
_BEGIN_S, _LOOK_S, _TICK_S = 1.5, 0.02, 1.0
_SWITCH_S = 0.001  # for which the event loop waits for a thread that computes, such as that of /metrics
_MOST_PLAIN, _MOST_TLS = 4096, 256  # asyncio holds half a megabyte for each connection over TLS


def most_connections() -> tuple[int, int]:
    """Return how many connections may be open, plain and over TLS.

    One over TLS may need a descriptor for a file too, a plain one another for its socket, which the file pump has.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = hard - _OTHER_DESCRIPTORS
    tls = min(_MOST_TLS, room // 8)
    return min(_MOST_PLAIN, (room - 2 * tls) // 3), tls


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
        self.is_open, self._is_ending = asyncio.Event(), asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and begin to accept connections."""
        await super().startup(sockets=[])
        self._listener.open(self._given)
        self.is_open.set()

    async def main_loop(self) -> None:
        """Set the time that answers bear anew each second, until `end`; uvicorn's own loop wakes ten times for that."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._is_ending.wait()

    def end(self) -> None:
        """Have it come to its end, as `shutdown` does it."""
        self.should_exit = True
        self._is_ending.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and wait for the open ones to end."""
        self._listener.close()
        await super().shutdown(sockets)

    def take(self, inbox: socket.socket) -> None:
        """Serve the connections that the server before this one gave."""
        while (given := passed_on(inbox)) is not None:
            self._listener.begin(*given)

    def stop_accepting(self) -> None:
        """Leave new connections in the queue of the kernel."""
        self._listener.stop()

    @property
    def has_begun(self) -> bool:
        """Whether every request that came has its answer, or the beginning of it."""
        return all(each.has_begun for each in self._listener.connections())

    def leave(self, outbox: socket.socket) -> None:
        """Read no more, and give each connection to the next server once its answer is sent."""
        for connection in self._listener.connections():
            connection.leave(outbox)

    @property
    def is_empty(self) -> bool:
        """Whether no connection is open."""
        return not self._listener.connections()

    def _given(self) -> dict[str, Any]:
        """Return what uvicorn passes to each connection."""
        return {"config": self.config, "server_state": self.server_state, "app_state": self.lifespan.state}


async def _serve(settings: Settings, given: Given) -> None:
    line = Line(given.line)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, line.end)
    # A server that has no certificate leaves the one before it as it is.
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*_certificate(settings))
    description = DescriptionFile(settings.config / DESCRIPTION)
    description.current()  # it may take seconds, in which the server before this one answers
    gc.collect()
    line.tell(LOADED)
    await line.told(GO, END)  # until the server before this one has left the database alone
    if line.is_told(END):
        return
    try:
        fleet = Fleet(settings, description=description)
    except NewerState as error:
        log("state-newer", LogLevel.ERROR, problem=str(error), hint=NEWER_STATE_HINT)
        # It goes on, to tell that to whoever asks, the health check too: an end would be one start after the other.
        await _answer(settings, given, line, problem(503, f"{error}: {NEWER_STATE_HINT}"))
        return

    def close_state() -> None:
        try:
            fleet.keep_heard()
            fleet.store.close()
        except sqlite3.Error as error:  # a full disk: what was heard in the last minute is lost, and nothing else
            log("state-not-closed", LogLevel.WARNING, problem=str(error))

    app = answering(fleet)
    gc.freeze()  # what is here lasts: a collection that walked through it would keep everybody waiting
    await _answer(settings, given, line, app, fleet.listeners.end, close_state)


def _certificate(settings: Settings) -> tuple[Path, Path]:
    return settings.tls / SERVER_CERTIFICATE, settings.tls / SERVER_KEY


async def _answer(
    settings: Settings,
    given: Given,
    line: Line,
    app: ASGIApp,
    end_streams: Callable[[], None] = lambda: None,
    close_state: Callable[[], None] = lambda: None,
) -> None:
    """Let `app` answer on both sockets until this server is told to end, or to give way to the next one."""
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
        timeout_graceful_shutdown=1,  # the next server begins after it; who downloads goes on there
    )
    most_plain, most_tls = most_connections()
    pump = FilePump()
    http = _Server(config(), given.plain, most_plain, settings.timeouts, pump)
    certificate, key = _certificate(settings)
    # the first server runs the one lifespan
    secure = config(lifespan="off", ssl_certfile=certificate, ssl_keyfile=str(key))
    https = _Server(secure, given.tls, most_tls, settings.timeouts)
    loop = asyncio.get_running_loop()
    told = asyncio.create_task(line.told(PASS_ON, END))
    tasks = [asyncio.create_task(http.serve()), asyncio.create_task(https.serve())]
    ends: list[asyncio.Future[Any]] = [told, *tasks]
    opened: asyncio.Future[Any] = asyncio.gather(http.is_open.wait(), https.is_open.wait())
    await asyncio.wait([opened, *ends], return_when=asyncio.FIRST_COMPLETED)
    if opened.done():
        loop.add_reader(given.inbox, http.take, given.inbox)
        line.tell(SERVING)
        log("serving", address=settings.bind, http=settings.http_port, https=settings.https_port)
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    opened.cancel()
    loop.remove_reader(given.inbox)
    end_streams()
    await _settle((http, https))  # nothing comes between its last look and what follows
    is_passed_on = line.is_told(PASS_ON) and not line.is_told(END)
    if is_passed_on:
        for server in (http, https):
            server.leave(given.outbox)
        await http.lifespan.shutdown()
        close_state()
        line.tell(PASSED_ON)
        await _send_the_rest(line, (http, https), settings.leave_s)
        http.force_exit = https.force_exit = True
    http.end()
    https.end()
    await asyncio.gather(*tasks)
    if not is_passed_on:
        close_state()
    pump.close()


async def _settle(servers: Iterable[_Server]) -> None:
    """Accept no more, and return when all that was asked is being answered, after a short while at the latest."""
    for server in servers:
        server.stop_accepting()
    with suppress(TimeoutError):
        async with asyncio.timeout(_BEGIN_S):
            while not all(server.has_begun for server in servers):
                await asyncio.sleep(_LOOK_S)


async def _send_the_rest(line: Line, servers: Iterable[_Server], leave_s: float) -> None:
    """Return when what is being sent has been sent, after `leave_s` at the latest."""
    with suppress(TimeoutError):
        async with asyncio.timeout(leave_s):
            while not (line.is_told(END) or all(server.is_empty for server in servers)):
                await asyncio.sleep(_LOOK_S)


def serve(settings: Settings, given: Given) -> None:
    """Serve on the given sockets until that is to end."""
    take_library_logs()
    sys.setswitchinterval(_SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, given))
    except UnusableState as error:
        hint = "see that it can be written and that its disk has room"
        log("state-unusable", LogLevel.ERROR, problem=str(error), hint=hint)
        sys.exit(1)
