"""Whether a time lies in the window in which machines may reboot. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from kboot_clusterdesc.model import Window
from kboot_clusterdesc.types import duration_s


def zone_of(name: str) -> tzinfo:
    """Return the time zone called `name`; UTC where this system does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def is_open(window: Window | None, zone: tzinfo, now: datetime) -> bool:
    """Return whether `now` lies in the window, which opens each day by the clock of `zone`; without one always."""
    if window is None:
        return True
    hour, minute = map(int, window.start.split(":"))
    local = now.astimezone(zone)
    length = timedelta(seconds=duration_s(window.length))
    for day in (local - timedelta(days=1), local):  # one that opened yesterday may be open still
        opened = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if timedelta(0) <= now - opened.astimezone(UTC) < length:
            return True
    return False
