"""A machine as the page of the fleet shows it: how it is doing, and why. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kboot_clusterdesc import Phase

from .api import NodeState

_NUMBERS = re.compile(r"(\d+)")
_UNDER_WAY = (Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED)


class Level(StrEnum):
    """How a machine is doing, the worst first."""

    BAD = "bad"  # it failed, is overdue, has a failed unit, or does not do what it did
    ODD = "odd"  # it runs an older config, or said something of its last boot
    BUSY = "busy"  # it is being installed
    IDLE = "idle"  # nothing was heard of it yet
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Row:
    """One machine; a value, so that it can be compared with what was shown before."""

    mac: str
    name: str
    ip: str
    roles: tuple[str, ...]
    phase: Phase
    level: Level
    since: str
    note: str  # why it is bad or odd
    percent: int | None
    armed: bool
    outdated: bool
    joined: bool
    version: str
    rack: str
    unit: int
    order: tuple[tuple[int, str], ...]  # by which names sort as people count: node2 before node10
    text: str  # what a search looks at

    @property
    def path(self) -> str:
        """The page of the machine."""
        return f"/machines/{self.mac.replace(':', '-')}"


def row_of(node: NodeState) -> Row:
    """Return the row of a node."""
    level, note = _judged(node)
    rack = node["rack"] or ""
    units = (unit["name"] for unit in node["failed_units"])  # the note has the first alone
    known_by = (node["name"], *node["more_macs"], node["mac"], node["ip"])
    words = (*known_by, *node["roles"], node["phase"], note, *units, rack)
    return Row(
        mac=node["mac"],
        name=node["name"],
        ip=node["ip"] or "",
        roles=tuple(node["roles"]),
        phase=node["phase"],
        level=level,
        since=node["since"],
        note=note,
        percent=node["percent"],
        armed=node["armed"],
        outdated=node["config"] == "outdated",
        joined=node["joined"],
        version=node["version"] or "",
        rack=rack,
        unit=node["unit"] or 0,
        order=natural(node["name"]),
        text=" ".join(filter(None, (*words, node["version"]))).lower(),
    )


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return what text sorts by so that numbers in it count as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in _NUMBERS.split(text) if part)


def counted(rows: Iterable[Row]) -> tuple[Counter[Phase], Counter[Level]]:
    """Return how many machines are in each phase, and how many do how well."""
    phases: Counter[Phase] = Counter()
    levels: Counter[Level] = Counter()
    for row in rows:
        phases[row.phase] += 1
        levels[row.level] += 1
    return phases, levels


def _judged(node: NodeState) -> tuple[Level, str]:
    phase, reason, late = node["phase"], node["reason"], node["overdue"]
    units = _failed_units(node)
    if phase is Phase.FAILED or late or units or (reason and phase is not Phase.WAITING):
        return Level.BAD, "; ".join(filter(None, (reason, late, units))) or "no reason given"
    outdated = "runs an older config" if node["config"] == "outdated" and phase not in _UNDER_WAY else None
    if reason or outdated or node["remark"]:
        return Level.ODD, reason or outdated or node["remark"] or ""
    if phase in _UNDER_WAY:
        return Level.BUSY, ""
    return (Level.IDLE if phase is Phase.WAITING else Level.GOOD), ""


def _failed_units(node: NodeState) -> str:
    """Return which units of a machine failed: the first, and how many more; its own page has all."""
    names = [unit["name"] for unit in node["failed_units"]]
    more = f", and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]} failed{more}" if names else ""
