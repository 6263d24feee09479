"""Accepts connections while there is room, and ends those whose peers keep the server waiting."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

from .connections import Connections
from .file_pump import FilePump
from .http_connection import HttpConnection
from .log import LogLevel, log
from .settings import Timeouts

_AT_ONCE = 64  # so that a flood of connections leaves time for those that are there
_FULL_S, _FAULT_S, _LOOK_S = 0.1, 1.0, 1.0
_TOLD_AGAIN_S = 60

# Gives what a connection is made with, beside its address and socket.
Making = Callable[[], dict[str, Any]]


class Listener:
    """One listening socket, and the connections accepted on it."""

    def __init__(
        self,
        listening: socket.socket,
        most: int,
        timeouts: Timeouts,
        tls: ssl.SSLContext | None,
        pump: FilePump | None = None,
    ) -> None:
        self._listening, self._timeouts, self._tls, self._pump = listening, timeouts, tls, pump
        self._connections: Connections[HttpConnection] = Connections(most)
        self._loop = asyncio.get_running_loop()
        self._making: Making = dict
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._greetings: set[asyncio.Task[None]] = set()
        self._told: dict[str, float] = {}

    def open(self, making: Making) -> None:
        """Begin to accept connections; each is made with what `making` returns."""
        self._making = making
        self._listening.setblocking(False)
        self._resume()
        self._look()

    def connections(self) -> list[HttpConnection]:
        """Return the open connections."""
        return self._connections.all()

    def begin(self, accepted: socket.socket, address: str) -> None:
        """Serve a connection from `address`, accepted here or by the server before this one."""
        accepted.setblocking(False)
        connection = HttpConnection(address, accepted, self._connections.discard, self._pump, **self._making())
        self._connections.add(connection)
        greeting = self._loop.create_task(self._greet(connection, accepted))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)

    def stop(self) -> None:
        """Accept no more connections; the open ones are looked after as before."""
        if "pause" in self._timers:
            self._timers["pause"].cancel()
        self._loop.remove_reader(self._listening)

    def close(self) -> None:
        """Accept no more connections; the open ones stay."""
        for timer in self._timers.values():
            timer.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            if len(self._connections) > self._connections.most and not self._make_room():
                self._pause(_FULL_S)
                return
            try:
                accepted, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor, no memory: asked at once again it would be the same
                self._tell("accept-failed", error=str(error), open=len(self._connections))
                self._drop(self._connections.expendable(self._loop.time()))
                self._pause(_FAULT_S)
                return
            self.begin(accepted, peer[0])

    async def _greet(self, connection: HttpConnection, accepted: socket.socket) -> None:
        limit_s = self._timeouts.silent_s if self._tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=self._tls, ssl_handshake_timeout=limit_s
            )
        except OSError as failed:  # a handshake; its frames refer to it, and hold the connection's buffers
            failed.__traceback__ = None
        finally:
            if connection.transport is None:
                self._connections.discard(connection)

    def _make_room(self) -> bool:
        going = self._connections.expendable(self._loop.time())
        if going:
            self._tell("connections-full", open=len(self._connections), dropped_of=going[0].address)
        else:
            self._tell("connections-full", open=len(self._connections))
        self._drop(going)
        return bool(going)

    def _look(self) -> None:
        self._timers["look"] = self._loop.call_later(_LOOK_S, self._look)  # goes on whatever the look raises
        now = self._loop.time()
        for connection in self._connections.all():
            try:
                is_overdue = connection.is_overdue(now, self._timeouts)
            except (OSError, struct.error):  # the kernel has forgotten the connection
                is_overdue = True
            if is_overdue:
                self._drop([connection], reset=True)

    def _drop(self, connections: list[HttpConnection], *, reset: bool = False) -> None:
        for connection in connections:
            self._connections.discard(connection)
            connection.drop(reset=reset)

    def _pause(self, for_s: float) -> None:
        self._loop.remove_reader(self._listening)
        self._timers["pause"] = self._loop.call_later(for_s, self._resume)

    def _resume(self) -> None:
        self._loop.add_reader(self._listening, self._take)

    def _tell(self, event: str, **fields: object) -> None:
        """Log a fault unless one was logged a short while ago: a flood must not fill the log too."""
        now = self._loop.time()
        if now - self._told.get(event, -_TOLD_AGAIN_S) >= _TOLD_AGAIN_S:
            self._told[event] = now
            log(event, LogLevel.WARNING, port=self._listening.getsockname()[1], **fields)
