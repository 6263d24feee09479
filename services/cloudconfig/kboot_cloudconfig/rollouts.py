"""The rollout as the server has it: what is kept, and the newest word of each machine's agent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from kboot_clusterdesc import Mac

from .clock_steps import ClockSteps
from .rollout import Rollout, taken_up
from .rollout_answer import Hold, by_set_clock, standing
from .rollout_table import RolloutTable
from .rollout_view import Word


class Rollouts:
    """The rollout and its hold outlive the server; the words of agents come again within a minute."""

    def __init__(self, table: RolloutTable, now: datetime, steady: Callable[[], float]) -> None:
        self._table, self._steady = table, steady
        self._clock = ClockSteps(now, steady())
        self.words: dict[Mac, Word] = {}

    @property
    def rollout(self) -> Rollout:
        """The rollout as it is now."""
        return self._table.rollout

    def keep(self, rollout: Rollout) -> None:
        """Keep the rollout where it has changed."""
        if rollout != self.rollout:
            self._table.keep(rollout)

    def hold(self, now: datetime) -> Hold | None:
        """Return who holds the rollout; None where nobody does, or has not said so for too long.

        Where the clock was set since the last look, it has the time left that it had.
        """
        hold, by = self._table.hold, self._clock.since_look(now, self._steady())
        return standing(by_set_clock(hold, now, by) if hold is not None and by is not None else hold, now)

    def keep_hold(self, hold: Hold | None) -> None:
        """Keep who holds the rollout."""
        self._table.keep_hold(hold)

    def follow_clock(self, now: datetime) -> timedelta | None:
        """Take all up as a server that begins does it, where the clock was set; return by how much.

        By a clock that was set forward all patience has run out, and one that was set back is before each turn's
        begin. Who holds the rollout has the time left that it had.
        """
        by = self._clock.since_last(now, self._steady())
        if by is None:
            return None
        self.words.clear()  # told at times of the other clock; they come again within a minute
        self.keep(taken_up(self.rollout, now))
        if self._table.hold is not None:
            self.keep_hold(by_set_clock(self._table.hold, now, by))
        return by
