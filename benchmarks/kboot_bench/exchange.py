"""One HTTP request on a connection of its own from a given address, as a booting machine makes them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import cast

_PIECE = 256 * 1024
_dropped = memoryview(bytearray(_PIECE))  # what comes is looked at before the next piece comes


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. The body is kept where it is read later, else its bytes are counted and dropped."""

    method: str
    path: str
    tls: bool = False
    token: str = ""
    body: bytes = b""
    range: str = ""
    is_kept: bool = False

    def head(self, host: str) -> bytes:
        """Return what is sent."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        lines += [f"Range: {self.range}"] if self.range else []
        lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(slots=True)
class Answer:
    """What came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, and what its certificate is checked by."""

    host: str
    context: ssl.SSLContext
    http_port: int = 80
    https_port: int = 443


class _Exchange(asyncio.BufferedProtocol):
    def __init__(self, request: bytes, *, is_head: bool, is_kept: bool) -> None:
        self.answer = Answer()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard_at = asyncio.get_running_loop().time()
        self._request, self._is_head, self._is_kept = request, is_head, is_kept
        self._head = b""
        self._has_head, self._left = False, 0  # bytes of the body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _dropped

    def buffer_updated(self, nbytes: int) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        if not self._has_head:
            self._head += bytes(_dropped[:nbytes])
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._read_head(head.decode("latin-1"))
            self._took(len(body), body)
        else:
            self._took(nbytes, bytes(_dropped[:nbytes]) if self._is_kept else b"")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed before the answer was whole"))
            self.done.exception()  # nobody may wait for it any more

    def _read_head(self, head: str) -> None:
        status, *lines = head.split("\r\n")
        self.answer.status = int(status.split()[1])
        self.answer.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        has_body = not self._is_head and self.answer.status not in (204, 304)
        self._has_head = True
        self._left = int(self.answer.headers.get("content-length", "0")) if has_body else 0

    def _took(self, count: int, piece: bytes) -> None:
        self._left -= count
        if self._is_kept:
            self.answer.body += piece
        if self._left <= 0 and not self.done.done():
            self.done.set_result(None)


async def exchange(source: str, server: Address, ask: Ask, silent_s: float) -> Answer:
    """Return the answer to a request from `source`; raises OSError, a TimeoutError where no byte comes for so long."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    transport: asyncio.Transport | None = None
    try:
        sock.setblocking(False)
        sock.bind((source, 0))
        async with asyncio.timeout(silent_s):
            await loop.sock_connect(sock, (server.host, server.https_port if ask.tls else server.http_port))
            transport, protocol = await loop.create_connection(
                lambda: _Exchange(ask.head(server.host), is_head=ask.method == "HEAD", is_kept=ask.is_kept),
                sock=sock,
                ssl=server.context if ask.tls else None,
                server_hostname=server.host if ask.tls else None,
            )
        while not protocol.done.done():
            left_s = protocol.heard_at + silent_s - loop.time()
            if left_s <= 0:
                raise TimeoutError
            await asyncio.wait({protocol.done}, timeout=left_s)
        protocol.done.result()
        return protocol.answer
    finally:
        if transport is not None:
            transport.abort()
        sock.close()
