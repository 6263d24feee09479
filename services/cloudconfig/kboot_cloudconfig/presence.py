"""Which machines that run were not there when they were looked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kboot_clusterdesc import Mac, Phase

RUNS = (Phase.RUNNING, Phase.READY)
_TWICE = 2  # a look that failed may be a lost packet


@dataclass(frozen=True, slots=True)
class _Missing:
    since: datetime  # the last look at which it was there, or when it was last heard of
    times: int = 0


class Presence:
    """What the latest looks found. Nothing is said of a machine that never was there: it may filter what is asked."""

    def __init__(self) -> None:
        self._seen: dict[Mac, _Missing] = {}

    def note(self, mac: Mac, now: datetime, *, is_there: bool) -> None:
        """Note what a look found."""
        if is_there:
            self._seen[mac] = _Missing(now)
        elif (last := self._seen.get(mac)) is not None:
            self._seen[mac] = _Missing(last.since, last.times + 1)

    def hear(self, mac: Mac, now: datetime) -> None:
        """Note that a machine was heard of: it is there, whatever the looks found, and whatever it filters."""
        if mac in self._seen:
            self._seen[mac] = _Missing(now)

    def is_there_since(self, mac: Mac, since: datetime, now: datetime) -> bool:
        """Return whether a machine that answers looks was there at its last one, and that or a word of it is newer.

        What was noted by a clock that has been set back since lies ahead of `now`, and says nothing.
        """
        last = self._seen.get(mac)
        return last is not None and last.times == 0 and since < last.since <= now

    def missing_since(self, mac: Mac) -> datetime | None:
        """Return when a machine was last there that was missing at two looks or more since; None of any other."""
        last = self._seen.get(mac)
        return last.since if last is not None and last.times >= _TWICE else None
