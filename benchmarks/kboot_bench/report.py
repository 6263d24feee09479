"""Writes what was measured as a page: tables of Markdown, and the pictures beside them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .chart import bars, lines
from .figures import Figure, Part, Spread, growth, short

HEAD = """# How fast

Written by `make bench`, which measures kboot beside what a site would take instead, in one run on one machine. Trust
the ratios, not the absolute figures: the load clients share the processors with the servers. A value is the median of
the rounds, in brackets are the lowest and the highest. A ratio to nginx is bold, with the value behind it; it is taken
within a round. `make bench PARTS="images storm"` measures some parts and keeps the figures of the others.
"""
_MACHINES = re.compile(r"^([\d,]+) machines: (.*)$")
_GROWING = {"to the last `running`": "seconds", "server CPU for each": "ms of CPU for each machine"}


@dataclass(frozen=True, slots=True)
class Run:
    """Where and when a part was measured."""

    machine: str
    date: str
    versions: dict[str, str]
    rounds: int

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"{self.date}, {self.machine}; {versions}; {self.rounds} rounds."


def page(parts: Sequence[tuple[Part, Run]], pictures: str) -> str:
    """Return the page; `pictures` is the folder of the pictures as seen from it."""
    text = [HEAD]
    for part, run in parts:
        text += [f"## {part.title}\n", f"{part.method}\n", f"*{run}*\n"]
        text += [f"![{part.title}]({pictures}/{name})\n" for name in part_pictures(part)]
        text.append(table(part.figures))
    return "\n".join(text)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table: each server's value, and below it the ratio to the one it is compared with."""
    servers = list(dict.fromkeys(name for each in figures for name in each.values))
    has_goals = any(each.wanted for each in figures)
    heads = ["", *servers, *(["wanted"] if has_goals else [])]
    rows = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for each in figures:
        cells = [f"{each.name}{f', {each.unit}' if each.unit else ''}"]
        cells += [_cell(each, name) for name in servers]
        cells += [each.wanted] if has_goals else []
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def _cell(figure: Figure, server: str) -> str:
    value, ratio = figure.values.get(server), figure.ratios.get(server)
    if value is None:
        return "-"
    return f"**{ratio}** ({short(value.middle)})" if ratio is not None else str(value)


def part_pictures(part: Part) -> dict[str, str]:
    """Return the pictures of a part: file name -> SVG."""
    if part.name == "images":
        return {
            "throughput.svg": _ratios("Throughput of the OS image, nginx = 1", part, "throughput, "),
            "cpu.svg": _ratios("CPU for each GB of the OS image, nginx = 1", part, "CPU for each GB, "),
        }
    if part.name == "small":
        return {"small.svg": _ratios("Requests a second, nginx = 1", part, "", ": requests a second")}
    if part.name == "flow":
        return {
            "flow.svg": _values(
                "Node config over TLS, how long it takes", "ms", [each for each in part.figures if each.unit == "ms"]
            )
        }
    if part.name == "storm":
        return _storm_pictures(part)
    return {}


def _ratios(title: str, part: Part, begin: str, end: str = "") -> str:
    rows = [
        (each.name.removeprefix(begin).removesuffix(end), {name: ratio.middle for name, ratio in each.ratios.items()})
        for each in part.figures
        if each.name.startswith(begin) and each.name.endswith(end)
    ]
    return bars(title, "", rows)


def _values(title: str, unit: str, figures: Sequence[Figure]) -> str:
    return bars(title, unit, [(each.name, _middles(each.values)) for each in figures])


def _middles(values: dict[str, Spread]) -> dict[str, float]:
    return {name: value.middle for name, value in values.items()}


def _storm_pictures(part: Part) -> dict[str, str]:
    sizes: dict[int, dict[str, Figure]] = {}
    for each in part.figures:
        if found := _MACHINES.match(each.name):
            sizes.setdefault(int(found[1].replace(",", "")), {})[found[2]] = each
    largest = max(sizes)
    steps = [(n, _middles(f.values)) for n, f in sizes[largest].items() if n.endswith((", p50", ", p99"))]
    pictures = {"storm.svg": bars(f"{largest:,} machines at once, how long a step takes", "ms", steps)}
    for name, unit in _GROWING.items():
        series: dict[str, list[tuple[float, float]]] = {}
        for size, figures in sorted(sizes.items()):
            for server, value in figures[name].values.items():
                series.setdefault(server, []).append((size, value.middle))
        if len(sizes) > 1:
            file = "growth-seconds.svg" if unit == "seconds" else "growth-cpu.svg"
            pictures[file] = lines("A rack switched on at once", "machines", unit, series)
    return pictures


def growth_of(part: Part, name: str, server: str) -> float | None:
    """Return the power by which a figure of a storm grows with the machines; None with one size alone."""
    found = {}
    for each in part.figures:
        match = _MACHINES.match(each.name)
        if match and match[2] == name and server in each.values:
            found[int(match[1].replace(",", ""))] = each.values[server].middle
    if len(found) < 2:
        return None
    small, large = min(found), max(found)
    return growth((small, found[small]), (large, found[large]))
