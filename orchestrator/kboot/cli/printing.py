"""Prints lines and tables on stdout: in colour on a terminal, plain on a pipe or with NO_COLOR."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from .tables import Line, Table, plain, table_lines

Paint = Callable[[Line], str]


def window_width(stream: TextIO | None = None) -> int | None:
    """Return how many columns the terminal has, on a pipe $COLUMNS; None where that is not set."""
    stream = stream or sys.stdout
    if stream.isatty():
        return os.get_terminal_size(stream.fileno()).columns or 80
    named = os.environ.get("COLUMNS", "")  # watch(1) reads a pipe and shows it in a window
    return int(named) if named.isdecimal() and int(named) else None


def window_height() -> int | None:
    """Return how many rows the terminal has that stdout is; None where that is a pipe or file."""
    return os.get_terminal_size(sys.stdout.fileno()).lines or 24 if sys.stdout.isatty() else None


def painter(stream: TextIO | None = None) -> Paint:
    """Return what makes a line the text to print on `stream`: with colours where it takes them."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or not (stream.isatty() or os.environ.get("FORCE_COLOR")):
        return plain
    from rich.color import ColorSystem
    from rich.console import Console
    from rich.style import Style

    if Console(file=stream).color_system is None:  # TERM=dumb
        return plain
    return lambda line: "".join(
        Style.parse(span.style).render(span.text, color_system=ColorSystem.STANDARD) if span.style else span.text
        for span in line
    )


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines on stdout."""
    paint = painter()
    for line in lines:
        print(paint(line))


def print_table(table: Table, *, wide: bool = False) -> None:
    """Print a table on stdout, as wide as the window at most."""
    print_lines(table_lines(table, window_width(), wide=wide))
