"""The share of a work that is done: a bar on a terminal, lines alone elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TextIO

import pytest

from kboot.host.progress import Progress
from kboot.host.share import shown_share
from support.terminal import set_window


@contextmanager
def _terminal(columns: int = 80) -> Iterator[tuple[int, TextIO]]:
    """A pseudo-terminal: what reads from it, and a stream into it."""
    reader, writer = pty.openpty()
    set_window(writer, columns, 24)
    with open(reader, "rb", buffering=0) as master, os.fdopen(writer, "w") as stream:
        yield master.fileno(), stream


def _seen(reader: int) -> list[str]:
    """The rows that a reader of the terminal is left with, each as it was drawn last."""
    content = b""
    while select.select([reader], [], [], 0.2)[0]:
        content += os.read(reader, 1 << 16)
    return [row.removesuffix("\r").rpartition("\r")[2].replace("\x1b[K", "") for row in content.decode().split("\n")]


def test_a_bar_moves_as_steps_end_and_goes_with_the_work() -> None:
    with _terminal() as (reader, stream):
        progress = Progress(stream)
        with shown_share(progress, "service images", 4, "steps") as ended:
            assert re.fullmatch(r"  service images  ╌+  0 of 4 steps,   0 %", _seen(reader)[-1])
            ended(1)
            assert re.fullmatch(r"  service images  ━+╌+  1 of 4 steps,  25 %", _seen(reader)[-1])
            ended(3)
            assert re.fullmatch(r"  service images  ━+  4 of 4 steps, 100 %", _seen(reader)[-1])
        assert _seen(reader) == [""]


def test_lines_that_are_said_meanwhile_stand_above_the_bar() -> None:
    with _terminal() as (reader, stream):
        progress = Progress(stream)
        with shown_share(progress, "pushed", 10, "MB") as ended:
            progress("pushing 1 of 2: a")
            ended(5)
            progress("pushing 2 of 2: b")
            rows = _seen(reader)
        assert rows[:2] == ["pushing 1 of 2: a", "pushing 2 of 2: b"]
        assert re.fullmatch(r"  pushed  ━+╌+  5 of 10 MB,  50 %", rows[2])


def test_what_is_printed_aside_begins_its_own_row() -> None:
    with _terminal() as (reader, stream):
        progress = Progress(stream)
        with shown_share(progress, "pushed", 2, "MB"):
            with progress.aside():
                print("registry.k8s.io/pause:3.10 sha256:1", file=stream, flush=True)
            rows = _seen(reader)
        assert rows[0] == "registry.k8s.io/pause:3.10 sha256:1"
        assert rows[1].startswith("  pushed  ")


def test_the_bar_goes_also_when_the_work_fails() -> None:
    with _terminal() as (reader, stream):
        with pytest.raises(OSError, match="disk full"), shown_share(Progress(stream), "pushed", 2, "MB"):
            raise OSError("disk full")
        assert _seen(reader) == [""]


def test_steps_that_end_in_several_threads_are_all_counted() -> None:
    with (
        _terminal(30) as (reader, stream),
        shown_share(Progress(stream), "n", 60, "steps") as ended,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(ended, [1] * 60))
        assert _seen(reader)[-1] == "  n  60 of 60 steps, 100 %"


def test_a_row_fits_a_narrow_window() -> None:
    with _terminal(24) as (reader, stream), shown_share(Progress(stream), "service images", 4, "steps"):
        assert len(_seen(reader)[-1]) == 23


def test_without_a_terminal_only_lines_are_printed() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with shown_share(progress, "pushed", 2, "MB") as ended:
        progress("pushing 1 of 1: a")
        ended(2)
    assert stream.getvalue() == "pushing 1 of 1: a\n"
    said: list[str] = []
    with shown_share(said.append, "pushed", 2, "MB") as ended:
        ended(2)
    assert said == []


def test_of_nothing_no_share_is_shown() -> None:
    with _terminal() as (reader, stream):
        with shown_share(Progress(stream), "pushed", 0, "MB"):
            pass
        print("end", file=stream, flush=True)
        assert _seen(reader) == ["end", ""]
