"""Sends together what is written in one turn of the event loop: an answer's head and its body, which uvicorn parts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

_HELD_BYTES = 16 * 1024

if TYPE_CHECKING:
    _Transport = asyncio.Transport
else:
    _Transport = object  # else the base's own methods would hide those of the transport


class JoinedWrites(_Transport):
    """The transport of a connection. What is written is held until `flush`, the end of the turn, or it is much."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:  # type: ignore[override]  # uvicorn writes nothing else
        """Send `data` behind what is held."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        held, self._held, self._held_bytes = self._held, [], 0
        if held and not self.is_closing():
            self._transport.writelines(held) if len(held) > 1 else self._transport.write(held[0])

    def is_closing(self) -> bool:
        """Return whether the connection ends or has ended."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.flush()
        self._transport.close()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say from which number of unsent bytes on the protocol is told to wait."""
        self.flush()
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are not sent yet."""
        return self._held_bytes + self._transport.get_write_buffer_size()
