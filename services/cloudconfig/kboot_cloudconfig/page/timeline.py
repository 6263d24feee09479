"""How long a machine was in each phase. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from kboot_clusterdesc import Phase


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that a machine spent in one phase; no length while it is in it."""

    phase: Phase
    since: str
    length: timedelta | None
    share: int  # of the longest, in percent

    @property
    def words(self) -> str:
        """The length for people."""
        return "" if self.length is None else length_in_words(self.length)


def timeline(phases: Mapping[Phase, str], now: Phase) -> list[Stretch]:
    """Return the phases of a machine in the order in which it came to them, each with its length."""
    times = sorted(((datetime.fromisoformat(at), phase) for phase, at in phases.items()), key=lambda each: each[0])
    lengths: list[timedelta | None] = [max(later - at, timedelta(0)) for (at, _), (later, _) in pairwise(times)]
    if times:
        is_over = times[-1][1] is not now
        lengths.append(timedelta(0) if is_over else None)
    longest = max((each for each in lengths if each), default=timedelta(seconds=1))
    return [
        Stretch(phase, phases[phase], length, 100 if length is None else round(100 * (length / longest)))
        for (_, phase), length in zip(times, lengths, strict=True)
    ]


def length_in_words(length: timedelta) -> str:
    """Return a length as people say it: 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    seconds = round(length.total_seconds())
    parts = [
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    ]
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
