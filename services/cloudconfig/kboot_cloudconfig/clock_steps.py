"""Tells when the clock of this machine was set, by one that nobody sets. Pure: the times are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_STEP = timedelta(minutes=1)  # a clock that is only slewed parts by less between two looks


@dataclass(slots=True)
class ClockSteps:
    """The two clocks at the last look; `steady_s` is that of the loop, whose seconds nobody changes."""

    wall: datetime
    steady_s: float

    def since_last(self, wall: datetime, steady_s: float) -> timedelta | None:
        """Return by how much the clock was set since the last look, forward or back; None where it was not."""
        by = self.since_look(wall, steady_s)
        self.wall, self.steady_s = wall, steady_s
        return by

    def since_look(self, wall: datetime, steady_s: float) -> timedelta | None:
        """Return the same without its being a look."""
        by = wall - self.wall - timedelta(seconds=steady_s - self.steady_s)
        return by if abs(by) > LEAST_STEP else None
