"""Progress for people: the whole window on a terminal, one line a change elsewhere. Always on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, TextIO

from .told_commands import told

if TYPE_CHECKING:
    from .screen import Rows, Screen

_SAID_AT_ONCE = 3  # rows of the window that are left for what was said meanwhile


class Progress:
    """A printer of what is going on. `is_live` is true on a terminal, which can be drawn on."""

    def __init__(self, stream: TextIO | None = None, *, is_live: bool | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        dumb = os.environ.get("TERM") == "dumb"
        self.is_live = self._stream.isatty() and not dumb if is_live is None else is_live
        self._screen: Screen | None = None
        self._kept: list[str] = []  # said while the window was drawn on
        self._said: dict[str, str] = {}
        self._bar = ""  # the row that stands there now
        self._one_at_a_time = RLock()  # threads say how they come on, and a row is written in pieces

    def __call__(self, text: str) -> None:
        """Print `text` as a line that stays, as `say` does."""
        self.say(text)

    def say(self, text: str) -> None:
        """Print `text` as a line that stays, above a bar; while a block is shown, once that is cleared.

        Its commands are completed, as in all that people are told.
        """
        text = told(text)
        if self._screen is not None:
            self._kept.append(text)
            return
        with self.aside():
            print(text, file=self._stream, flush=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar away for what is printed within, and show it again below."""
        with self._one_at_a_time:
            row = self._bar
            self._wipe()
            try:
                yield
            finally:
                self._show(row)

    def state(self, name: str, text: str) -> None:
        """Say that `name` is now `text`; said again only when it differs."""
        if self._said.get(name) == text:
            return
        self._said[name] = text
        self.say(f"  {name:<14} {text}")

    def block(self, draw: Callable[[int, int], Rows]) -> None:
        """Fill a terminal's window with the rows of `draw`, given its width and height; elsewhere do nothing."""
        if not self.is_live:
            return
        if self._screen is None:
            from .screen import Screen

            self._screen = Screen(self._stream)
        said = self._kept[-_SAID_AT_ONCE:]

        def rows(width: int, height: int) -> Rows:
            below: Sequence[Sequence[tuple[str, str]]] = [((line.partition("\n")[0], "dim"),) for line in said]
            return [*draw(width, height - len(below)), *below]

        self._screen.draw(rows)

    def bar(self, name: str, here: float, whole: float, unit: str = "MB") -> None:
        """Show on a terminal, in one row that moves, how much of `name` is done; elsewhere do nothing."""
        if not self.is_live or self._screen is not None:
            return
        with self._one_at_a_time:
            self._show(bar_row(name, here, whole, unit, os.get_terminal_size(self._stream.fileno()).columns - 1))

    def _show(self, row: str) -> None:
        if row != self._bar:
            self._bar = row
            self._stream.write(f"\r{row}\x1b[K")
            self._stream.flush()

    def _wipe(self) -> None:
        if self._bar:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._bar = ""

    def clear(self) -> None:
        """Take the bar or block away, and print what was said meanwhile."""
        self._wipe()
        self._stream.flush()
        if self._screen is not None:
            self._screen.close()
            self._screen = None
        kept, self._kept = self._kept, []
        for line in kept:
            self.say(line)


def bar_row(name: str, here: float, whole: float, unit: str, width: int) -> str:
    """Return a row of at most `width` columns that shows a share: the name, a bar, the figures."""
    share = min(1.0, here / whole) if whole else 0.0
    figures = f"{here:.0f} of {whole:.0f} {unit}, {100 * share:3.0f} %"
    name = name if len(name) <= 30 else f"{name[:14]}…{name[-15:]}"
    room = min(40, width - len(name) - len(figures) - 6)
    if room < 5:
        return f"  {name}  {figures}"[:width]
    full = int(room * share)
    return f"  {name}  {'━' * full}{'╌' * (room - full)}  {figures}"
