"""What a measurement found, as values: spreads over rounds, ratios, percentiles. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, and the lowest and the highest of them."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return (
            short(self.middle)
            if self.low == self.high
            else f"{short(self.middle)} [{short(self.low)} {short(self.high)}]"
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table: a figure of each server, or tree, that was measured.

    `values` are absolute, in `unit`; `ratios` are to the server called `base`, round by round, where there is one.
    """

    name: str
    unit: str
    values: dict[str, Spread]
    base: str = ""
    ratios: dict[str, Spread] = field(default_factory=dict)
    wanted: str = ""  # the goal, as docs/performance.md shows it
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark found, and how."""

    name: str
    title: str
    method: str
    figures: tuple[Figure, ...]


def short(value: float) -> str:
    """Return a number with three significant digits, and whole where it is large or a count."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if value == int(value) and abs(value) >= 10:
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits)}f}"


def spread_of(values: Sequence[float]) -> Spread:
    """Return the spread of one or more values."""
    return Spread(min(values), statistics.median(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all do not exceed (nearest rank); NaN without values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figure_of(
    name: str, unit: str, rounds: Sequence[dict[str, float]], *, base: str = "", wanted: str = "", note: str = ""
) -> Figure:
    """Return the figure of rounds, each of which has a value for every server; ratios are taken within a round."""
    servers = list(rounds[0])
    values = {server: spread_of([each[server] for each in rounds]) for server in servers}
    ratios = {}
    if base and all(each[base] for each in rounds):
        ratios = {s: spread_of([each[s] / each[base] for each in rounds]) for s in servers if s != base}
    return Figure(name, unit, values, base, ratios, wanted, note)


def growth(small: tuple[float, float], large: tuple[float, float]) -> float:
    """Return the power by which a cost grows between two (size, cost): 1 is linear, 2 is the square."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def as_json(part: Part) -> dict[str, Any]:
    """Return a part as what JSON can hold."""
    return asdict(part)


def part_from(kept: dict[str, Any]) -> Part:
    """Return the part that `as_json` made."""

    def spreads(of: dict[str, Any]) -> dict[str, Spread]:
        return {name: Spread(**each) for name, each in of.items()}

    figures = tuple(
        Figure(**{**each, "values": spreads(each["values"]), "ratios": spreads(each["ratios"])})
        for each in kept["figures"]
    )
    return Part(kept["name"], kept["title"], kept["method"], figures)
