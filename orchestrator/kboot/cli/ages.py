"""How long ago a moment was, in few letters."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def moment(stamp: str) -> datetime:
    """Return the moment that a time of `/v1/nodes` names, such as `2026-11-28T09:00:00Z`."""
    return datetime.fromisoformat(stamp).astimezone(UTC)


def age(stamp: str | None, now: datetime) -> str:
    """Return how long ago a moment was, such as `5m`; `-` where there was none."""
    return length((now - moment(stamp)).total_seconds()) if stamp else "-"


def length(seconds: float) -> str:
    """Return a length of time in the largest unit that it has two of: `90s`, `5m`, `30h`, `12d`."""
    whole = max(0, int(seconds))
    for unit_s, letter in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if whole >= 2 * unit_s:
            return f"{whole // unit_s}{letter}"
    return f"{whole}s"
