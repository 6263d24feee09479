"""What a look at the fleet asks for, all of it in the address: search, filters, order, groups. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import urlencode

from kboot_clusterdesc import Phase

from ..row import Level, Row, natural

SHOWN = 200  # rows at first, and more each time
MOST_SHOWN = 2000  # what a page has at most: machines wait for their answers while rows are made

_PHASES, _LEVELS = list(Phase), list(Level)


class Sort(StrEnum):
    """By what the machines are put in order."""

    WORST = "worst"
    NAME = "name"
    PHASE = "phase"
    SINCE = "since"  # what changed last, first
    ADDRESS = "address"
    RACK = "rack"


class Group(StrEnum):
    """By what the machines are put together."""

    NONE = "none"
    RACK = "rack"


def _newest(row: Row) -> tuple[Any, ...]:
    return (tuple(-ord(letter) for letter in row.since), row.order)


_KEYS: dict[Sort, Callable[[Row], tuple[Any, ...]]] = {
    Sort.WORST: lambda row: (_LEVELS.index(row.level), row.phase is not Phase.FAILED, row.order),
    Sort.NAME: lambda row: (row.order,),
    Sort.PHASE: lambda row: (_PHASES.index(row.phase), row.order),
    Sort.SINCE: _newest,
    Sort.ADDRESS: lambda row: (int(IPv4Address(row.ip)) if row.ip else 1 << 32, row.order),
    Sort.RACK: lambda row: (*_place(row), row.order),
}


def _place(row: Row) -> tuple[Any, ...]:
    return (row.rack == "", natural(row.rack), -row.unit)


@dataclass(frozen=True, slots=True)
class View:
    """A look at the fleet."""

    search: str = ""
    phases: tuple[Phase, ...] = ()
    level: Level | None = None
    rack: str | None = None
    sort: Sort = Sort.WORST
    group: Group = Group.NONE
    shown: int = SHOWN

    def has(self, row: Row) -> bool:
        """Return whether a machine is looked for: it has each word of the search, and passes the filters."""
        return (
            (not self.phases or row.phase in self.phases)
            and (self.level is None or row.level is self.level)
            and (self.rack is None or row.rack == self.rack)
            and all(word in row.text for word in self.search.lower().split())
        )

    def chosen(self, rows: Iterable[Row]) -> list[Row]:
        """Return the machines that are looked for, in their order."""
        found = sorted(filter(self.has, rows), key=_KEYS[self.sort])
        return sorted(found, key=lambda row: _place(row)[:2]) if self.group is Group.RACK else found

    def address(self, **changes: Any) -> str:
        """Return the address of this look with some changes; what is as usual is left out."""
        view = replace(self, **{"shown": SHOWN, **changes})
        pairs: list[tuple[str, str]] = [("search", view.search)] if view.search else []
        pairs += [("phase", str(phase)) for phase in view.phases]
        pairs += [("level", str(view.level))] if view.level else []
        pairs += [("rack", view.rack)] if view.rack is not None else []
        pairs += [("sort", str(view.sort))] if view.sort is not Sort.WORST else []
        pairs += [("group", str(view.group))] if view.group is not Group.NONE else []
        pairs += [("shown", str(view.shown))] if view.shown != SHOWN else []
        return f"/?{urlencode(pairs)}" if pairs else "/"

    def more(self) -> str | None:
        """Return the address of this look with more rows; None where a page has no more."""
        return self.address(shown=min(self.shown + SHOWN, MOST_SHOWN)) if self.shown < MOST_SHOWN else None


def grouped(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return rows that are in the order of their racks as groups, each with its rack."""
    groups: list[tuple[str, list[Row]]] = []
    for row in rows:
        if not groups or groups[-1][0] != row.rack:
            groups.append((row.rack, []))
        groups[-1][1].append(row)
    return groups
