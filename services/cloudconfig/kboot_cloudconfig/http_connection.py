"""One HTTP/1.1 connection of uvicorn, which also knows how long it has been waiting for its peer."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from uvicorn.protocols.http.h11_impl import H11Protocol

_BUFFERED_BYTES = 64 * 1024  # asyncio's own limit over TLS is eight times that


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection waits for its peer."""

    silent_s: float = 20  # from the connection, or from the last answer, to a whole request
    stalled_s: float = 60  # for the next byte to be taken; the OS's update client itself gives up after 90


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


class HttpConnection(H11Protocol):
    """A connection from the moment its peer is accepted, so that time in a TLS handshake counts as silence."""

    def __init__(self, address: str, accepted: socket.socket, on_end: Callable[[HttpConnection], None], **given: Any):
        super().__init__(**given)
        self.address = address
        self.waiting_since = self.loop.time()
        self._accepted, self._on_end = accepted, on_end
        self._acknowledged_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to read requests: the handshake, if any, is done."""
        transport.set_write_buffer_limits(high=_BUFFERED_BYTES)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection has ended."""
        self._on_end(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.waiting_since = self.loop.time()
        super().on_response_complete()

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
