"""What a server process is given by the one that owns the sockets, and the few words that the two exchange."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

GIVEN = "KBOOT_GIVEN_SOCKETS"  # in the environment of a server: the descriptors, in the order of Given
# A server says that it is loaded, answers, has passed on all but what it is sending; it is told the other three.
LOADED, SERVING, PASSED_ON = b"L", b"S", b"P"
GO, PASS_ON, END = b"G", b"O", b"E"


class Given(NamedTuple):
    """The sockets of a server process, which it does not bind itself."""

    plain: socket.socket
    tls: socket.socket
    inbox: socket.socket  # connections of the server before this one
    outbox: socket.socket  # for the one after it
    line: socket.socket


def given_sockets(environ: Mapping[str, str]) -> Given | None:
    """Return the sockets that `environ` names; None in the process that is to own them."""
    numbers = environ.get(GIVEN, "").split()
    if not numbers:
        return None
    found = Given(*(socket.socket(fileno=int(number)) for number in numbers))
    for each in found:
        each.setblocking(False)
        os.set_inheritable(each.fileno(), False)
    return found


def pass_on(outbox: socket.socket, connection: socket.socket, address: str) -> bool:
    """Give a connection to the next server, which will read what its peer says next; return whether that went well."""
    with suppress(OSError):
        socket.send_fds(outbox, [address.encode()], [connection.fileno()])
        return True
    return False


def passed_on(inbox: socket.socket) -> tuple[socket.socket, str] | None:
    """Return the next connection that the server before this one gave, and its address; None where there is none."""
    try:
        address, descriptors, _, _ = socket.recv_fds(inbox, 64, 1)
    except BlockingIOError:
        return None
    return (socket.socket(fileno=descriptors[0]), address.decode()) if descriptors else None


class Line:
    """A server's end of the line to the process that owns the sockets."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._heard = {word: asyncio.Event() for word in (GO, PASS_ON, END)}
        asyncio.get_running_loop().add_reader(line, self._hear)

    def tell(self, word: bytes) -> None:
        """Say a word."""
        with suppress(OSError):
            self._line.send(word)

    def is_told(self, word: bytes) -> bool:
        """Return whether the word was heard."""
        return self._heard[word].is_set()

    async def told(self, *words: bytes) -> None:
        """Return when one of the words was heard."""
        waits: Sequence[asyncio.Task[bool]] = [asyncio.create_task(self._heard[word].wait()) for word in words]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def end(self) -> None:
        """Hear END, whoever says it."""
        self._heard[END].set()

    def _hear(self) -> None:
        try:
            words = self._line.recv(64)
        except BlockingIOError:
            return
        except ConnectionError:
            words = b""
        if not words:  # the owner of the sockets was killed: they are to be free for the next one
            os._exit(1)
        for word in words:
            if event := self._heard.get(bytes([word])):
                event.set()
