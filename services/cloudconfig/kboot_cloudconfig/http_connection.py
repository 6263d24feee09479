"""One HTTP/1.1 connection of uvicorn, which knows how long it has waited for its peer, and can send files."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache, partial
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .file_pump import FilePump, Transfer
from .hand_over import pass_on
from .joined_writes import JoinedWrites
from .log import LogLevel, log
from .settings import Timeouts

_BUFFERED_BYTES = 64 * 1024  # an event loop's own limit is larger, over TLS eight times as large
SENDS_FILES = "kboot.file"  # the ASGI extension: a function that takes an open file and the part of it to send
_LEANT_ON = ("expected_content_length", "disconnected")  # of uvicorn's RequestResponseCycle
_HEAD_BYTES = 64 * 1024  # of a request beside its body; the parser has no limit, and keeps them all


class Delivery(NamedTuple):
    """How much of what was sent the peer has acknowledged."""

    acknowledged_bytes: int
    is_owed: bool  # more was sent than that


def delivery(connection: socket.socket) -> Delivery:
    """Return what the kernel knows of a connection's delivery.

    Fields tcpi_unacked, tcpi_bytes_acked and tcpi_notsent_bytes of `struct tcp_info` in linux/tcp.h."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 148)
    unacknowledged, acknowledged, unsent = struct.unpack("24x I 92x Q 16x I", info)
    return Delivery(acknowledged, bool(unacknowledged or unsent))


class HttpConnection(HttpToolsProtocol):
    """A connection from the moment its peer is accepted, so that time in a TLS handshake counts as silence."""

    _writes: JoinedWrites

    def __init__(
        self,
        address: str,
        accepted: socket.socket,
        on_end: Callable[[HttpConnection], None],
        pump: FilePump | None,
        **given: Any,
    ):
        super().__init__(**given)
        self.address = address
        self.waiting_since = self.loop.time()
        self._accepted, self._on_end, self._pump = accepted, on_end, pump
        self._acknowledged_bytes = self._beside_bytes = 0
        self._is_whole = False
        self._sending: asyncio.Future[bool] | None = None
        self._outbox: socket.socket | None = None
        self._passing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to read requests: the handshake, if any, is done."""
        transport.set_write_buffer_limits(high=_BUFFERED_BYTES)
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(self._writes)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection has ended."""
        self._on_end(self)
        if self._sending is not None and not self._sending.done():
            self._sending.set_result(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent, unless what is no body has become longer than any honest request."""
        self._is_whole = False
        self._beside_bytes += len(data)
        super().data_received(data)
        if self._is_whole:
            self._beside_bytes = 0
        elif self._beside_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Request too long.")

    def on_body(self, body: bytes) -> None:
        """Take a piece of a request's body."""
        self._beside_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take note that a request is whole."""
        self._is_whole = True
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        """Begin to answer a request; over plain HTTP the answer may have a file's part sent by the kernel."""
        offered: dict[str, Any] = {}
        self.scope["extensions"] = offered
        super().on_headers_complete()  # the answer itself begins later, as a task
        if self._pump is not None and self.scheme == "http":
            if all(hasattr(self.cycle, name) for name in _LEANT_ON):
                offered[SENDS_FILES] = partial(self._send_file, self._pump, self.cycle)
            else:
                _tell_of_change()

    async def _send_file(self, pump: FilePump, cycle: RequestResponseCycle, file: int, part: range) -> None:
        """Send a part of the open `file`, which is closed, as the body of the answer whose head was sent last."""
        ended = self.loop.create_future()
        with ExitStack() as ours:
            ours.callback(os.close, file)
            if not await self._is_flushed() or cycle.disconnected:
                return
            transfer = Transfer(
                connection=self._accepted.dup(),
                file=file,
                offset=part.start,
                left_bytes=len(part),
                address=self.address,
                on_end=lambda is_well: _settle(self.loop, ended, is_well),
            )
            ours.pop_all()
        self._sending = ended
        pump.begin(transfer)
        try:
            is_well = await ended
        finally:
            self._sending = None
            pump.give_up(transfer)
        if is_well:
            cycle.expected_content_length = 0  # uvicorn counts what passes through it
            self.transport.set_write_buffer_limits(high=_BUFFERED_BYTES)
        else:
            cycle.disconnected = True
            self.transport.abort()

    async def _is_flushed(self) -> bool:
        """Return, once the kernel has all that was sent, whether the connection is still there."""
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(high=0)
            await self.flow.drain()
        return not self.transport.is_closing()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.waiting_since = self.loop.time()
        self._writes.flush()
        super().on_response_complete()
        if self._outbox is not None and not self.transport.is_closing():
            self._passing = self.loop.create_task(self._pass_on(self._outbox))

    @property
    def has_begun(self) -> bool:
        """Whether what was asked so far has been answered, or its answer has begun."""
        if self.transport is None or self._beside_bytes > 0:
            return False
        if self.cycle is None:  # over TLS, which ends with this process, its first request is waited for
            return not self.config.is_ssl
        return self.cycle.response_started and not self.cycle.more_body

    def leave(self, outbox: socket.socket) -> None:
        """Read no more, send what is being sent, and then give the connection to the next server, or end it."""
        if self.transport is None or self.transport.is_closing() or not self.has_begun or self.pipeline:
            self.drop()
            return
        self._outbox = outbox
        if not self.flow.read_paused:
            self.transport.pause_reading()
        self.flow.read_paused = False  # so that uvicorn sees nothing to resume
        if not self.is_answered:
            self._passing = self.loop.create_task(self._pass_on(outbox))

    async def _pass_on(self, outbox: socket.socket) -> None:
        if await self._is_flushed():
            if self.scheme == "http":  # what TLS keeps of a connection is in this process
                pass_on(outbox, self._accepted, self.address)
            self.transport.close()

    @property
    def is_answered(self) -> bool:
        """Whether a whole request came whose answer has not ended."""
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    @property
    def is_silent(self) -> bool:
        """Whether nothing is lost when the connection ends: no request has begun, and no answer is in memory."""
        return not self.is_answered and (self.transport is None or self.transport.get_write_buffer_size() == 0)

    def is_overdue(self, now: float, timeouts: Timeouts) -> bool:
        """Return whether the peer has kept the server waiting too long at `now`, the loop's time in seconds."""
        if self._accepted.fileno() == -1:  # closed a moment ago
            return False
        acknowledged_bytes, is_owed = delivery(self._accepted)
        has_moved = acknowledged_bytes != self._acknowledged_bytes
        self._acknowledged_bytes = acknowledged_bytes
        is_ours = self.is_answered and not is_owed  # the peer waits for us: for its turn, or for events
        if is_ours or (is_owed and has_moved):
            self.waiting_since = now
        return now - self.waiting_since > (timeouts.stalled_s if is_owed else timeouts.silent_s)

    def drop(self, *, reset: bool = False) -> None:
        """End the connection now; with `reset` the kernel drops what the peer has not taken yet."""
        with suppress(OSError):
            if reset:
                self._accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if self.transport is None:  # a handshake ends when its input does
                self._accepted.shutdown(socket.SHUT_RDWR)
        if self.transport is not None:
            self.transport.abort()


def _settle(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[bool], is_well: bool) -> None:
    """Tell from another thread how a transfer ended."""

    def settle() -> None:
        if not ended.done():
            ended.set_result(is_well)

    with suppress(RuntimeError):  # the loop itself has ended
        loop.call_soon_threadsafe(settle)


@cache
def _tell_of_change() -> None:
    """Log once that files are copied, since this uvicorn is not the one that the connection was written for."""
    log(
        "files-are-copied",
        LogLevel.WARNING,
        problem=f"uvicorn's RequestResponseCycle has no {' or no '.join(_LEANT_ON)}",
    )
