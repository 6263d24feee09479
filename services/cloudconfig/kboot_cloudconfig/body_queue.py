"""Who sends a large body now: so many pieces are in memory at a time, and whoever waits has its turn after a piece."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from starlette.types import Message, Send

PIECE_BYTES = 256 * 1024  # what is read at a time; a body that is no longer needs no turn
_NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}


class BodyQueue:
    """At most `most` have a turn, of one address `most_of_one`; an address that has fewest comes next."""

    def __init__(self, most: int = 128, most_of_one: int = 8) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._having: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def enter(self, address: str) -> None:
        """Return when it is this one's turn, which lasts until `leave`."""
        if self._having.total() < self._most and self._having[address] < self._most_of_one:
            self._having[address] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(address, turn)
            else:  # it was given in the same moment
                self.leave(address)
            raise

    def leave(self, address: str) -> None:
        """End a turn of this address."""
        self._having[address] -= 1
        if not self._having[address]:
            del self._having[address]
        while (following := self._following()) is not None:
            turn = self._waiting[following][0]
            self._forget(following, turn)
            if not turn.cancelled():  # whoever went away has not said so yet
                self._having[following] += 1
                turn.set_result(None)
                return

    def is_wanted(self, address: str) -> bool:
        """Whether somebody waits who could have the turn of this address."""
        return address in self._waiting or self._following() is not None

    def _following(self) -> str | None:
        found, fewest = None, self._most_of_one
        for address in self._waiting:
            if self._having[address] < fewest:
                found, fewest = address, self._having[address]
                if not fewest:
                    break
        return found

    def _forget(self, address: str, turn: asyncio.Future[None]) -> None:
        """Take one out of the queue; others of its address go to the end, so that addresses take turns."""
        others = [each for each in self._waiting.pop(address, ()) if each is not turn]
        if others:
            self._waiting[address] = deque(others)


class Place:
    """One answer's place in the queue: an ASGI `send` that waits for its turn before what is large."""

    def __init__(self, queue: BodyQueue, address: str, send: Send) -> None:
        self._queue, self._address, self._send = queue, address, send
        self._has_turn = False

    async def send(self, message: Message) -> None:
        """Send; return when the next piece may be read."""
        if message["type"] == "http.response.start":
            if _length_bytes(message) > PIECE_BYTES:
                await self._enter()
            await self._send(message)
        elif self._has_turn:
            await self._send_piece(message)
        else:
            await self._send(message)

    def give_up(self) -> None:
        """Let the next one have the turn, if it is this one's."""
        if self._has_turn:
            self._has_turn = False
            self._queue.leave(self._address)

    async def _enter(self) -> None:
        await self._queue.enter(self._address)
        self._has_turn = True

    async def _send_piece(self, message: Message) -> None:
        is_last = not message.get("more_body", False)
        await self._send({**message, "more_body": True})
        if is_last:
            await self._pass_on()
            await self._send({**_NOTHING, "more_body": False})
        elif self._queue.is_wanted(self._address):
            await self._pass_on()
            await self._enter()

    async def _pass_on(self) -> None:
        """Give the turn up once the reader has taken the piece: the server sends on when it has, be it nothing."""
        await self._send(_NOTHING)
        self.give_up()


def _length_bytes(start: Message) -> int:
    return next((int(value) for name, value in start["headers"] if name == b"content-length"), 0)
