"""What is written in one turn of the event loop goes out together, in its order, and none of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kboot_cloudconfig.joined_writes import JoinedWrites


class _Sent(asyncio.Transport):
    """Notes what a connection is given to send, a list for each call."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.is_over = False

    def write(self, data: bytes) -> None:  # type: ignore[override]  # as below it
        self.calls.append([data])

    def writelines(self, list_of_data: Iterable[bytes]) -> None:  # type: ignore[override]
        self.calls.append(list(list_of_data))

    def close(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.calls.append([b"limits"])

    def get_write_buffer_size(self) -> int:
        return 0


def _written(*pieces: bytes, ending: str = "") -> tuple[_Sent, list[list[bytes]]]:
    """What was sent by the end of a turn in which `pieces` were written, and what of it was sent in that turn."""

    async def turn() -> tuple[_Sent, list[list[bytes]]]:
        sent = _Sent()
        joined = JoinedWrites(sent, asyncio.get_running_loop())
        for piece in pieces:
            joined.write(piece)
        if ending:
            getattr(joined, ending)()
        at_once = [list(call) for call in sent.calls]
        assert joined.get_write_buffer_size() == sum(map(len, pieces)) - sum(
            len(piece) for call in at_once for piece in call
        )
        await asyncio.sleep(0)
        return sent, at_once

    return asyncio.run(turn())


def test_the_head_and_the_body_of_an_answer_are_sent_together_at_the_end_of_the_turn() -> None:
    sent, at_once = _written(b"head", b"body")
    assert at_once == []
    assert sent.calls == [[b"head", b"body"]]


def test_what_is_complete_is_sent_at_once_and_never_twice() -> None:
    sent, at_once = _written(b"head", b"body", ending="flush")
    assert at_once == sent.calls == [[b"head", b"body"]]


def test_a_large_piece_waits_for_no_turn() -> None:
    large = bytes(20_000)
    sent, at_once = _written(b"head", large)
    assert at_once == sent.calls == [[b"head", large]]


def test_nothing_is_lost_by_a_close_and_nothing_sent_after_it() -> None:
    sent, at_once = _written(b"last", ending="close")
    assert at_once == sent.calls == [[b"last"]]
    assert sent.is_over

    async def late() -> list[list[bytes]]:
        closed = _Sent()
        joined = JoinedWrites(closed, asyncio.get_running_loop())
        joined.close()
        joined.write(b"late")
        await asyncio.sleep(0)
        return closed.calls

    assert asyncio.run(late()) == []


def test_a_limit_counts_for_what_was_written_before_it() -> None:
    async def turn() -> list[list[bytes]]:
        sent = _Sent()
        joined = JoinedWrites(sent, asyncio.get_running_loop())
        joined.write(b"before")
        joined.set_write_buffer_limits(high=0)
        return sent.calls

    assert asyncio.run(turn()) == [[b"before"], [b"limits"]]
