"""A terminal's whole window, drawn anew as often as wanted; what stood there before is back afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

Rows = Sequence[Sequence[tuple[str, str]]]  # each row as pieces of text with their styles
Draw = Callable[[int, int], Rows]  # by width and height


class Screen:
    """The alternate screen of a terminal, which has no scrollback: no row of it wraps, and none is left behind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = Console(file=stream, highlight=False, markup=False)
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def draw(self, draw: Draw) -> None:
        """Fill the window with the rows that `draw` makes for its size as it is now."""
        if not self._live.is_started:
            self._live.start()
        size = os.get_terminal_size(self._stream.fileno())  # not $COLUMNS: the window may have changed since
        self._console.size = ConsoleDimensions(size.columns or 80, size.lines or 24)
        self._live.update(_Window(draw), refresh=True)

    def close(self) -> None:
        """Show what stood in the window before."""
        self._live.stop()


class _Window:
    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> RenderResult:
        for row in self._draw(console.width, console.height):
            yield Text.assemble(*row, no_wrap=True, overflow="crop")
