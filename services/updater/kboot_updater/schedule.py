"""The times of checks: five cron fields as triggers of APScheduler, and the delay before a retry."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from kboot_clusterdesc.types import cron_values

# APScheduler counts Monday as 0, cron counts Sunday as 0 and 7: names mean the same to both.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIRST_RETRY_S, _LAST_RETRY_S = 5.0, 600.0
_LAST_RETRY_WITHOUT_RELEASE_S = 60.0
_FIRST_RETRY_REFUSED_S, _LAST_RETRY_REFUSED_S = 60.0, 3600.0


def time_zone(name: str) -> tzinfo | None:
    """Return the time zone called `name`; None when this system does not know it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def cron_trigger(text: str, zone: tzinfo = UTC) -> Any:
    """Return the trigger for the five cron fields in `text`, which must be well-formed.

    Where a day of the month and a weekday are both given, either is enough (crontab(5)), while CronTrigger
    would want both.
    """
    minutes, hours, days, months, weekdays = cron_values(text)
    _, _, day_field, _, weekday_field = text.split()
    time: dict[str, Any] = {
        "minute": _listed(minutes),
        "hour": _listed(hours),
        "month": _listed(months),
        "timezone": zone,
    }
    names = ",".join(_WEEKDAYS[day] for day in sorted({day % 7 for day in weekdays}))
    if day_field.startswith("*") or weekday_field.startswith("*"):
        return CronTrigger(day=_listed(days), day_of_week=names, **time)
    return OrTrigger([CronTrigger(day=_listed(days), **time), CronTrigger(day_of_week=names, **time)])


def due_sooner(trigger: Any, due: datetime, now: datetime) -> datetime | None:
    """Return when a trigger fires next, where that is before it was `due`: its clock was set back; None otherwise."""
    found: datetime | None = trigger.get_next_fire_time(None, now)
    return found if found is not None and found < due else None


def retry_delay_s(attempt: int, *, refused: bool, serving: bool = True) -> float:
    """Return the seconds to wait after the failed `attempt`, which counts from 1.

    A refused release is asked for less often, since each retry downloads it whole. While no release is
    served at all, and so no machine can install, the server is asked each minute at least.
    """
    first, last = (_FIRST_RETRY_REFUSED_S, _LAST_RETRY_REFUSED_S) if refused else (_FIRST_RETRY_S, _LAST_RETRY_S)
    if not serving:
        last = _LAST_RETRY_WITHOUT_RELEASE_S
    return min(last, first * 2.0 ** min(attempt - 1, 20))


def _listed(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))
