"""How it goes with each receiver of events: as a value, for those who ask. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .api import ReceiverState
from .event import rfc3339


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """One receiver: since when it takes nothing and why, how many requests it took, how many events it never got."""

    name: str
    failing_since: datetime | None = None
    problem: str | None = None
    taken: int = 0
    left_out: int = 0

    @property
    def state(self) -> ReceiverState:
        """The form that `/v1/nodes` shows."""
        since = rfc3339(self.failing_since) if self.failing_since else None
        return {"name": self.name, "failing_since": since, "problem": self.problem, "left_out": self.left_out}
