"""Who sends a large body now, and who comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from kboot_cloudconfig.body_queue import PIECE_BYTES, BodyQueue, Place


def run(steps: Callable[[], Awaitable[None]]) -> None:
    """The steps in a loop of their own."""

    async def within() -> None:
        await asyncio.wait_for(steps(), 10)

    asyncio.run(within())


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Entering:
    """Addresses that want a turn, in the order in which they were given one."""

    def __init__(self, queue: BodyQueue) -> None:
        self._queue = queue
        self.in_turn: list[str] = []

    def add(self, address: str) -> asyncio.Task[None]:
        """One more that waits."""

        async def enter() -> None:
            await self._queue.enter(address)
            self.in_turn.append(address)

        return asyncio.get_running_loop().create_task(enter())


def test_no_more_have_a_turn_than_may_and_each_that_leaves_lets_one_in() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=2, most_of_one=2)
        entering = Entering(queue)
        tasks = [entering.add(address) for address in "abcd"]
        await _settle()
        assert entering.in_turn == ["a", "b"]
        queue.leave("a")
        await _settle()
        assert entering.in_turn == ["a", "b", "c"]
        queue.leave("b")
        await asyncio.gather(*tasks)

    run(steps)


def test_one_address_has_not_more_than_its_share_and_the_one_with_fewest_comes_next() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=3, most_of_one=2)
        entering = Entering(queue)
        waiting = [entering.add(address) for address in "aaaabbc"]
        await _settle()
        assert entering.in_turn == ["a", "a", "b"]
        assert queue.is_wanted("a")
        queue.leave("a")
        await _settle()
        assert entering.in_turn[3:] == ["c"]  # which has none, though a and b came before
        for address in "acab":
            queue.leave(address)
            await _settle()
        assert sorted(entering.in_turn[4:]) == ["a", "a", "b"]
        await asyncio.gather(*waiting)

    run(steps)


def test_a_turn_is_not_wanted_by_those_who_may_not_have_it() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=3, most_of_one=1)
        entering = Entering(queue)
        waiting = [entering.add(address) for address in "aab"]
        await _settle()
        assert queue.is_wanted("a")
        assert not queue.is_wanted("b")
        queue.leave("a")
        await asyncio.gather(*waiting)
        assert not queue.is_wanted("a")

    run(steps)


@pytest.mark.parametrize("when", ["while it waits", "as its turn comes", "before it has said so"])
def test_whoever_goes_away_takes_no_turn_along(when: str) -> None:
    async def steps() -> None:
        queue = BodyQueue(most=1)
        entering = Entering(queue)
        first, gone, last = (entering.add(address) for address in ("first", "gone", "last"))
        await _settle()
        if when == "as its turn comes":
            queue.leave("first")
        gone.cancel()
        if when == "while it waits":
            await _settle()
        if when != "as its turn comes":
            queue.leave("first")
        await asyncio.gather(first, last)
        assert entering.in_turn == ["first", "last"]

    run(steps)


def test_a_large_body_passes_its_turn_on_after_a_piece_and_a_small_one_needs_none() -> None:
    async def answer(queue: BodyQueue, address: str, size_bytes: int, sent: list[tuple[str, bytes]]) -> None:
        async def send(message: Message) -> None:
            sent.append((address, message.get("body", b"head")))
            await asyncio.sleep(0)

        place = Place(queue, address, send)
        length = (b"content-length", str(size_bytes).encode())
        await place.send({"type": "http.response.start", "status": 200, "headers": [length]})
        for begin in range(0, size_bytes, PIECE_BYTES):
            piece = bytes(min(PIECE_BYTES, size_bytes - begin))
            await place.send(
                {"type": "http.response.body", "body": piece, "more_body": begin + PIECE_BYTES < size_bytes}
            )
        place.give_up()

    async def steps() -> None:
        queue = BodyQueue(most=1)
        sent: list[tuple[str, bytes]] = []
        three = 3 * PIECE_BYTES
        await asyncio.gather(*(answer(queue, address, three, sent) for address in "ab"), answer(queue, "c", 10, sent))
        pieces = [address for address, body in sent if len(body) == PIECE_BYTES]
        assert pieces == ["a", "b", "a", "b", "a", "b"]
        small = sent.index(("c", bytes(10)))
        assert small < [address for address, _ in sent].index("b")
        assert not queue.is_wanted("a")

    run(steps)


class Slow:
    """Has a turn, and its reader takes nothing."""

    def __init__(self, queue: BodyQueue, address: str) -> None:
        self.address, self.has_turn = address, True
        self._queue = queue

    async def begin(self) -> None:
        """Have a turn."""
        await self._queue.enter(self.address)
        self._queue.hold(self)

    def lose_turn(self) -> None:
        """Be told so."""
        self.has_turn = False


def test_whoever_takes_long_over_a_piece_loses_the_turn_to_who_waits_and_to_nobody_else() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=2, long_s=0.05)
        slow = [Slow(queue, "a"), Slow(queue, "b")]
        for each in slow:
            await each.begin()
        await asyncio.sleep(0.2)
        assert [each.has_turn for each in slow] == [True, True]  # nobody waits
        await queue.enter("c")
        assert [each.has_turn for each in slow] == [False, True]
        queue.release(slow[0])

    run(steps)


def test_a_reader_that_takes_its_pieces_in_time_keeps_the_turn() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=1, long_s=1.5)
        quick = Slow(queue, "a")
        await quick.begin()
        waiting = Entering(queue).add("b")
        for _ in range(8):
            await asyncio.sleep(0.25)
            queue.hold(quick)
        assert quick.has_turn
        queue.leave("a")
        await waiting

    run(steps)


def test_of_one_address_that_has_its_share_only_its_own_slow_readers_lose() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=3, most_of_one=1, long_s=0.05)
        slow = [Slow(queue, "a"), Slow(queue, "b")]
        for each in slow:
            await each.begin()
        await queue.enter("b")
        assert [each.has_turn for each in slow] == [True, False]

    run(steps)


def test_no_more_pieces_are_late_than_memory_has_room_for() -> None:
    async def steps() -> None:
        queue = BodyQueue(most=2, most_late=1, long_s=0.02)
        slow = [Slow(queue, "a"), Slow(queue, "b")]
        for each in slow:
            await each.begin()
        await queue.enter("c")
        queue.leave("c")
        third = Slow(queue, "c")
        await third.begin()
        waiting = Entering(queue).add("d")
        await asyncio.sleep(0.2)
        assert not waiting.done()
        queue.release(slow[0])  # its piece was taken
        await waiting
        assert [each.has_turn for each in (*slow, third)] == [False, False, True]

    run(steps)
