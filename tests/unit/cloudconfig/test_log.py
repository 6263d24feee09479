"""The lines of a turn of the event loop are one write, and none is kept back."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import redirect_stdout

from kboot_cloudconfig.log import log


class _Output(io.StringIO):
    """Standard output that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        """Keep it."""
        self.writes.append(text)
        return len(text)

    def events(self) -> list[list[str]]:
        """The events of each write."""
        return [[json.loads(line)["event"] for line in text.splitlines()] for text in self.writes]


def test_the_lines_of_one_turn_are_one_write_in_their_order() -> None:
    output = _Output()

    async def two_turns() -> None:
        log("first")
        log("second")
        assert output.writes == []
        await asyncio.sleep(0)
        assert output.events() == [["first", "second"]]
        log("third")

    with redirect_stdout(output):
        asyncio.run(two_turns())
    assert output.events() == [["first", "second"], ["third"]]


def test_a_thread_and_a_process_without_a_loop_write_at_once() -> None:
    output = _Output()

    async def in_a_thread() -> None:
        log("here")
        await asyncio.to_thread(log, "there")

    with redirect_stdout(output):
        log("start")
        asyncio.run(in_a_thread())
    assert output.events()[0] == ["start"]
    assert sorted(output.events()[1:]) == [["here"], ["there"]]
