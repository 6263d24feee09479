"""Peers of an HTTP server that do not do their part: they say nothing, or ask and do not read."""

from __future__ import annotations

import resource
import select
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

_ASKED = "GET {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow\r\n{}\r\n"


class Peer:
    """One connection from `address`, with a small window, so that what it does not read stays with the server."""

    def __init__(self, port: int, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        plain.settimeout(20)
        plain.bind((address, 0))
        plain.connect(("127.0.0.1", port))
        self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")

    def say(self, data: bytes) -> None:
        """Send; a server that has closed meanwhile is no fault."""
        with suppress(OSError):
            self.socket.sendall(data)

    def ask(self, path: str, part: str | None = None) -> None:
        """Ask for `path`, or a range of it, and read nothing of the answer yet."""
        wanted = f"Range: {part}\r\n" if part else ""
        self.say(_ASKED.format(path, wanted).encode())

    def sip(self, most_bytes: int = 8192) -> bytes:
        """What is there, up to so much; nothing when nothing is there."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(most_bytes)
        except (BlockingIOError, ssl.SSLWantReadError, OSError):
            return b""
        finally:
            self.socket.settimeout(20)

    def body(self) -> bytes:
        """The whole answer of a request, without its head; it must be 200."""
        with self.socket.makefile("rb") as stream:
            assert b" 200 " in stream.readline()
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            return stream.read(length)

    def is_cut(self) -> bool:
        """Whether the server has ended the connection, whatever of its answer is still to be read."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Go away."""
        self.socket.close()


@contextmanager
def closing(peers: Sequence[Peer]) -> Iterator[None]:
    """The peers go away at the end."""
    try:
        yield
    finally:
        for peer in peers:
            peer.close()


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """So many descriptors for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
