"""A line of a service's log: its levels and its form, the same in all services of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum


class LogLevel(StrEnum):
    """How much a line matters, from what only a search for a fault wants to what keeps a service from its work."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def is_at_least(self, other: LogLevel) -> bool:
        """Return whether a line of this level is written where `other` is the lowest that is wanted."""
        return _RANKS[self] >= _RANKS[other]


_RANKS = {level: rank for rank, level in enumerate(LogLevel)}
_TEXT = json.JSONEncoder(default=str).encode


def log_line(at: datetime, level: LogLevel, event: str, fields: Mapping[str, object]) -> str:
    """Return the line as JSON: time (RFC 3339, UTC, to the millisecond), level, what happened; then `fields`.

    Fields that are None are left out.
    """
    shown = {name: value for name, value in fields.items() if value is not None}
    time = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _TEXT({"at": time, "level": level.value, "event": event, **shown})
