"""The picture of the racks: where the box of each machine is drawn. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..row import Level, Row, counted, natural

_WIDTH, _UNIT = 60, 8  # of a rack and a rack unit, in the picture's own measure
_COLUMN = 20  # machines one above the other, where no rack is named
_BOX = 20


@dataclass(frozen=True, slots=True)
class Box:
    """One machine in the picture."""

    row: Row
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack with its machines."""

    name: str  # empty for the machines of which no rack is named
    width: int
    height: int
    boxes: tuple[Box, ...]
    summary: str


def racks_of(rows: Iterable[Row]) -> Iterator[Rack]:
    """Yield the picture of each rack in the order of their names; what has none comes last."""
    by_rack: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_rack[row.rack].append(row)
    names = sorted(by_rack, key=lambda name: (name == "", natural(name)))
    for name in names:
        yield _rack(name, by_rack[name]) if name else _unplaced(by_rack[name])


def _rack(name: str, rows: list[Row]) -> Rack:
    """Return a rack: a machine at its unit, counted from below; several of one unit beside each other.

    Machines without a unit stand above, one over the other.
    """
    levels: defaultdict[int, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.order):
        if row.unit:
            levels[row.unit].append(row)
    top = max(levels, default=0)
    for row in sorted(rows, key=lambda row: row.order):
        if not row.unit:
            top += 1
            levels[top].append(row)
    boxes = []
    for unit, beside in levels.items():
        width = _WIDTH // len(beside)
        boxes += [Box(row, at * width, (top - unit) * _UNIT, width - 1) for at, row in enumerate(beside)]
    return Rack(name, _WIDTH, top * _UNIT, tuple(boxes), summary(rows))


def _unplaced(rows: list[Row]) -> Rack:
    ordered = sorted(rows, key=lambda row: row.order)
    boxes = tuple(Box(row, at // _COLUMN * _BOX, at % _COLUMN * _UNIT, _BOX - 1) for at, row in enumerate(ordered))
    columns = -(-len(rows) // _COLUMN)
    return Rack("", columns * _BOX, min(len(rows), _COLUMN) * _UNIT, boxes, summary(rows))


def summary(rows: Iterable[Row]) -> str:
    """Return how many machines are in which phase, those that are bad first."""
    phases, levels = counted(rows)
    bad = [f"{levels[Level.BAD]} need a look"] if levels[Level.BAD] else []
    return ", ".join(bad + [f"{count} {phase}" for phase, count in sorted(phases.items())])
