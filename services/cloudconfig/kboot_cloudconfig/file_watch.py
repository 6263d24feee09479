"""Looks each second at the files of the other services, for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from .fleet import Fleet
from .log import LogLevel, log
from .problem import ProblemError

HEARD_KEPT_EVERY = timedelta(minutes=1)  # each time is one write to the disk, for all machines


async def watch_files(fleet: Fleet, period_s: float = 1.0) -> None:
    """Note what dnsmasq and the updater wrote every `period_s`, and once a minute who was heard of."""
    while True:
        try:
            fleet.note_leases()
            fleet.note_updater()
            if abs(fleet.now() - fleet.heard_kept_at) >= HEARD_KEPT_EVERY:  # the clock may have been set back
                fleet.keep_heard()
        except ProblemError as problem:
            log("watch-waits", LogLevel.WARNING, problem=problem.detail)
        except Exception as error:  # the border of a background job: it must outlive a bad moment
            log("watch-failed", LogLevel.ERROR, problem=repr(error))
        await asyncio.sleep(period_s)
