"""The doubt that a lost state leaves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .api import DoubtState
from .event import rfc3339


@dataclass(frozen=True, slots=True)
class Doubt:
    """That the state was lost, for `reason`: until the operator says otherwise any machine may be installed already."""

    since: datetime
    reason: str
    kept: str | None  # the damaged file, beside the new one

    def as_json(self) -> DoubtState:
        """Return the form that `/v1/nodes` shows."""
        return {"since": rfc3339(self.since), "reason": self.reason, "kept": self.kept}


def doubt_of(row: tuple[str, str, str | None] | None) -> Doubt | None:
    """Return the doubt of a row of the database: since, reason, kept; None without one."""
    return Doubt(datetime.fromisoformat(row[0]), *row[1:]) if row else None
