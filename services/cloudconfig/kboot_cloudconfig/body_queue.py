"""Who sends a large body now: so many pieces are in memory at a time, and whoever waits has its turn after a piece."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Protocol

from starlette.types import Message, Send

PIECE_BYTES = 256 * 1024  # what is read at a time
FREE_BYTES = 32 * 1024  # a body that is no longer needs no turn: a connection holds 64 KiB of the one before beside it
_NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}


class Holder(Protocol):
    """Who has a turn."""

    address: str

    def lose_turn(self) -> None:
        """The turn is another's now; a piece that is on its way may go on."""


class BodyQueue:
    """At most `most` have a turn, of one address `most_of_one`; an address that has fewest comes next.

    Whose reader takes a piece for longer than `long_s` loses the turn to who waits, and its piece is late: there are
    `most_late` of those, so that many trickling readers hold neither the turns nor the memory.
    """

    def __init__(self, most: int = 128, most_of_one: int = 8, most_late: int = 512, long_s: float = 10) -> None:
        self._most, self._most_of_one, self._most_late, self._long_s = most, most_of_one, most_late, long_s
        self._having: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._holders: dict[Holder, float] = {}  # since when, the loop's time, oldest first
        self._late: set[Holder] = set()

    def hold(self, holder: Holder) -> None:
        """Note whose turn `enter` gave, or that its reader took a piece."""
        self._holders.pop(holder, None)
        self._holders[holder] = asyncio.get_running_loop().time()

    def release(self, holder: Holder) -> None:
        """Forget who had a turn, or whose piece was late."""
        self._holders.pop(holder, None)
        self._late.discard(holder)

    async def enter(self, address: str) -> None:
        """Return when it is this one's turn, which lasts until `leave`."""
        if self._having.total() < self._most and self._having[address] < self._most_of_one:
            self._having[address] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        try:
            while not turn.done():
                await asyncio.wait({turn}, timeout=self._long_s)
                if not turn.done():
                    self._take_from_the_slowest(address)
        except asyncio.CancelledError:
            if turn.done():  # it was given in the same moment
                self.leave(address)
            else:
                turn.cancel()
                self._forget(address, turn)
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

    def _take_from_the_slowest(self, address: str) -> None:
        """Let one turn that could be this address's go to who comes next, if it has lasted too long."""
        is_full = self._having[address] >= self._most_of_one
        long_ago = asyncio.get_running_loop().time() - self._long_s
        slow = (h for h, since in self._holders.items() if since <= long_ago and (h.address == address or not is_full))
        slowest = next(slow, None)
        if slowest is not None and len(self._late) < self._most_late:
            del self._holders[slowest]
            self._late.add(slowest)
            slowest.lose_turn()
            self.leave(slowest.address)

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
        self.address = address
        self._queue, self._send = queue, send
        self._is_queued = self._has_turn = False

    async def send(self, message: Message) -> None:
        """Send; return when the next piece may be read."""
        if message["type"] == "http.response.start":
            if _length_bytes(message) > FREE_BYTES:
                await self._enter()
            await self._send(message)
        elif self._is_queued:
            await self._send_piece(message)
        else:
            await self._send(message)

    def give_up(self) -> None:
        """Let the next one have the turn, if it is this one's."""
        self._queue.release(self)
        if self._has_turn:
            self._has_turn = False
            self._queue.leave(self.address)

    def lose_turn(self) -> None:
        """The queue gave the turn to another: the reader is slow."""
        self._has_turn = False

    async def _enter(self) -> None:
        await self._queue.enter(self.address)
        self._is_queued = self._has_turn = True
        self._queue.hold(self)

    async def _send_piece(self, message: Message) -> None:
        is_last = not message.get("more_body", False)
        await self._send({**message, "more_body": True})
        if is_last:
            await self._pass_on()
            await self._send({**_NOTHING, "more_body": False})
        elif not self._has_turn or self._queue.is_wanted(self.address):
            await self._pass_on()
            await self._enter()
        else:
            self._queue.hold(self)

    async def _pass_on(self) -> None:
        """Give the turn up once the reader has taken the piece: the server sends on when it has, be it nothing."""
        await self._send(_NOTHING)
        self.give_up()


def _length_bytes(start: Message) -> int:
    return next((int(value) for name, value in start["headers"] if name == b"content-length"), 0)
