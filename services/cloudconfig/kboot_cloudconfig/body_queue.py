"""Lets a bounded number of answers hold a piece of a large body in memory; the others wait for their turn."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Protocol

from starlette.types import Message, Send

PIECE_BYTES = 256 * 1024  # what is read at a time
FREE_BYTES = 32 * 1024  # a body up to this needs no turn: a connection may hold 64 KiB of an earlier answer beside it
_NOTHING: Message = {"type": "http.response.body", "body": b"", "more_body": True}


class Holder(Protocol):
    """An answer that can have a turn."""

    address: str

    def lose_turn(self) -> None:
        """Take note that the turn was given to another answer; a piece on its way may still be sent."""


class BodyQueue:
    """At most `most` have a turn, of one address `most_of_one`; an address that has fewest comes next.

    Whose reader takes a piece for longer than `long_s` loses the turn to who waits, and its piece is late: there are
    `most_late` of those, so that many trickling readers hold neither the turns nor the memory.
    """

    def __init__(self, most: int = 128, most_of_one: int = 8, most_late: int = 512, long_s: float = 10) -> None:
        self._most, self._most_of_one, self._most_late, self._long_s = most, most_of_one, most_late, long_s
        self._having: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._holders: dict[Holder, float] = {}  # holder -> since when, the loop's time; oldest first
        self._late: set[Holder] = set()

    def hold(self, holder: Holder) -> None:
        """Note that `holder` has the turn that `enter` gave, or that its reader took a piece just now."""
        self._holders.pop(holder, None)
        self._holders[holder] = asyncio.get_running_loop().time()

    def release(self, holder: Holder) -> None:
        """Forget `holder`, which had a turn or a late piece."""
        self._holders.pop(holder, None)
        self._late.discard(holder)

    async def enter(self, address: str) -> None:
        """Return when an answer to `address` may have a turn, which lasts until `leave`."""
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
            if turn.done():  # the turn was given at this very moment
                self.leave(address)
            else:
                turn.cancel()
                self._forget(address, turn)
            raise

    def leave(self, address: str) -> None:
        """End one turn of `address`."""
        self._having[address] -= 1
        if not self._having[address]:
            del self._having[address]
        while (following := self._following()) is not None:
            turn = self._waiting[following][0]
            self._forget(following, turn)
            if not turn.cancelled():  # a waiting answer that was given up has not left the queue yet
                self._having[following] += 1
                turn.set_result(None)
                return

    def is_wanted(self, address: str) -> bool:
        """Return whether an answer waits that could have a turn of `address`."""
        return address in self._waiting or self._following() is not None

    def _take_from_the_slowest(self, address: str) -> None:
        """End the oldest turn that keeps `address` waiting, if its reader has taken too long."""
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
        """Take a waiting answer out of the queue; others of its address go to the end, so that addresses take turns."""
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
        """Send one ASGI message, and return when the next piece may be read."""
        if message["type"] == "http.response.start":
            if _length_bytes(message) > FREE_BYTES:
                await self._enter()
            await self._send(message)
        elif self._is_queued:
            await self._send_piece(message)
        else:
            await self._send(message)

    def give_up(self) -> None:
        """Give up this answer's turn, if it has one."""
        self._queue.release(self)
        if self._has_turn:
            self._has_turn = False
            self._queue.leave(self.address)

    def lose_turn(self) -> None:
        """Note that the queue gave this answer's turn to another, since its reader is slow."""
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
        """Give the turn up once the reader has taken the piece, which the server shows by sending on, be it nothing."""
        await self._send(_NOTHING)
        self.give_up()


def _length_bytes(start: Message) -> int:
    return next((int(value) for name, value in start["headers"] if name == b"content-length"), 0)
