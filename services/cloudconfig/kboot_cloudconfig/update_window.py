"""Whether a time lies in the window in which machines may reboot. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from kboot_clusterdesc.model import Window
from kboot_clusterdesc.types import duration_s


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone called `name`; None where this system does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def closed_for_good(window: Window | None, timezone: str) -> str | None:
    """Return why a window never opens: nobody here knows the clock that it goes by."""
    if window is None or zone_of(timezone) is not None:
        return None
    return f"`os.timezone: {timezone}` is not known here, so `os.update.window` stays shut"


def is_open(window: Window | None, zone: tzinfo | None, now: datetime) -> bool:
    """Return whether `now` lies in the window, which opens each day by the clock of `zone`; without one always.

    By a clock that nobody knows it never opens.
    """
    if window is None:
        return True
    if zone is None:
        return False
    hour, minute = map(int, window.start.split(":"))
    local = now.astimezone(zone)
    length = timedelta(seconds=duration_s(window.length))
    for day in (local - timedelta(days=1), local):  # one that opened yesterday may be open still
        opened = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if timedelta(0) <= now - opened.astimezone(UTC) < length:
            return True
    return False
