"""Tables no wider than the window: what is too wide is folded or shortened, spare columns are left out first."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

_GAP = 2
_LEAST = 8  # columns of a cell that is given up for lack of room


class Way(Enum):
    """What may be done to a cell that is too wide."""

    KEEP = auto()
    FOLD = auto()  # goes on in the next line, or ends in an ellipsis where a row is one line
    MIDDLE = auto()  # both ends stay: of names that differ at one of them


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. Where not all fit, those of the highest `spare` are left out first, those of 0 never."""

    title: str
    way: Way = Way.KEEP
    least: int = 16  # the width below which it is not pressed as long as another one can be left out
    spare: int = 0
    is_wide: bool = False  # shown with `-o wide` alone


class Span(NamedTuple):
    """A piece of a line in one style, such as `bold red`."""

    text: str
    style: str = ""


Cell = str | Span
Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, and rows with a cell for each of them."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def plain(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line)


def table_lines(table: Table, window: int | None, *, wide: bool = False, folds: bool = True) -> list[Line]:
    """Return the lines of a table that fit a window so many columns wide; with None each row is one whole line.

    With `wide` no column is left out: where they do not fit side by side, each row becomes lines of title and cell.
    """
    chosen = [i for i, column in enumerate(table.columns) if wide or not column.is_wide]
    rows = [[_span(row[i]) for i in chosen] for row in table.rows]
    columns = [table.columns[i] for i in chosen]
    natural = [max([len(c.title), *(width_of(row[i].text) for row in rows)]) for i, c in enumerate(columns)]
    if window is None:
        widths: dict[int, int] = dict(enumerate(natural))
    elif wide and _pressed(columns, natural, range(len(columns))) > _room(window, len(columns)):
        return list(_records(columns, rows, window))
    else:
        widths = _fitted(columns, natural, window)
    if not widths:
        return []
    head = [Span(column.title, "bold") for column in columns]
    lines: list[Line] = []
    for row in (head, *rows):
        lines += _row_lines(row, columns, widths, folds=folds)
    return lines


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, width: int, *, keeps_end: bool = False) -> str:
    """Return a text of at most so many columns, an ellipsis for what is left out at its end or in its middle."""
    if width_of(text) <= width:
        return text
    if width < 2:
        return "…"[:width]
    if not keeps_end:
        return _beginning(text, width - 1).rstrip() + "…"
    tail = _beginning(text[::-1], (width - 1) // 2)[::-1]
    return _beginning(text, width - 1 - width_of(tail)) + "…" + tail


def folded(text: str, width: int) -> list[str]:
    """Return a text as lines of at most so many columns, broken between words where that can be."""
    if text.isascii():
        return textwrap.wrap(text, max(1, width), break_on_hyphens=False) or [""]
    from rich.console import Console
    from rich.text import Text

    return [line.plain.rstrip() for line in Text(text).wrap(Console(), max(2, width))]


def folded_line(line: Line, width: int | None, indent: int = 4) -> list[Line]:
    """Return a line as lines of at most so many columns, broken between words, those after the first indented."""
    if width is None or width_of(plain(line)) <= width:
        return [line]
    lines: list[list[Span]] = [[]]
    left = width
    for span in line:
        for word in re.findall(r"\s*\S+|\s+", span.text):
            for part in [word] if width_of(word) <= width - indent else folded(word, max(2, width - indent)):
                if width_of(part) > left:
                    lines.append([Span(" " * indent)])
                    left, part = width - indent, part.lstrip()
                lines[-1].append(Span(part, span.style))
                left -= width_of(part)
    return [tuple(spans) for spans in lines]


def _span(cell: Cell) -> Span:
    span = cell if isinstance(cell, Span) else Span(cell)
    return span if span.text.isprintable() else Span(_printable(span.text), span.style)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _beginning(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    from rich.cells import set_cell_size

    return set_cell_size(text, width).rstrip() if width_of(text) > width else text


def _room(window: int, count: int) -> int:
    return window - _GAP * (count - 1)


def _pressed(columns: Sequence[Column], natural: Sequence[int], chosen: Sequence[int]) -> int:
    """Return how wide columns are together once each is pressed as far as it may be."""
    return sum(natural[i] if columns[i].way is Way.KEEP else min(natural[i], columns[i].least) for i in chosen)


def _fitted(columns: Sequence[Column], natural: Sequence[int], window: int) -> dict[int, int]:
    """Return the width of each column that is shown."""
    chosen = list(range(len(columns)))
    while _pressed(columns, natural, chosen) > _room(window, len(chosen)):
        spare = [i for i in chosen if columns[i].spare]
        if not spare:
            break
        chosen.remove(max(spare, key=lambda i: columns[i].spare))
    widths = {i: natural[i] for i in chosen}
    flexible = {i: columns[i].least for i in chosen if columns[i].way is not Way.KEEP}
    room = _room(window, len(chosen))
    for least in (flexible, dict.fromkeys(flexible, _LEAST), dict.fromkeys(chosen, 1)):
        _press(widths, least, room)
    return widths


def _press(widths: dict[int, int], least: dict[int, int], room: int) -> None:
    """Take from the widest columns, none below its least, until all fit the room."""
    while (excess := sum(widths.values()) - room) > 0:
        wider = [i for i in least if widths[i] > least[i]]
        if not wider:
            return
        widest = max(wider, key=lambda i: widths[i])
        others = [widths[i] for i in wider if i != widest]
        step = max(1, widths[widest] - max([least[widest], *others]))
        widths[widest] -= min(excess, step, widths[widest] - least[widest])


def _row_lines(
    row: Sequence[Span], columns: Sequence[Column], widths: dict[int, int], *, folds: bool
) -> Iterator[Line]:
    cells = {i: _cell_lines(row[i].text, columns[i].way, width, folds=folds) for i, width in widths.items()}
    last = max(widths)
    for number in range(max(map(len, cells.values()))):
        spans = []
        for i, lines in cells.items():
            text = lines[number] if number < len(lines) else ""
            spans.append(Span(text, row[i].style))
            if i != last:
                spans.append(Span(" " * (widths[i] - width_of(text) + _GAP)))
        yield _trimmed(spans)


def _cell_lines(text: str, way: Way, width: int, *, folds: bool) -> list[str]:
    if width_of(text) <= width:
        return [text]
    if way is Way.FOLD and folds:
        return folded(text, width)
    return [shortened(text, width, keeps_end=way is not Way.FOLD)]


def _trimmed(spans: list[Span]) -> Line:
    while spans and not spans[-1].text.strip():
        spans.pop()
    return tuple(span for span in spans if span.text)


def _records(columns: Sequence[Column], rows: Sequence[Sequence[Span]], window: int) -> Iterator[Line]:
    """Yield each row as lines of title and cell, an empty line between two rows."""
    indent = max(len(column.title) for column in columns) + _GAP
    for number, row in enumerate(rows):
        if number:
            yield ()
        for column, span in zip(columns, row, strict=True):
            title = column.title
            for text in folded(span.text, max(_LEAST, window - indent)):
                if line := _trimmed([Span(title.ljust(indent), "bold"), Span(text, span.style)]):
                    yield line
                title = ""
