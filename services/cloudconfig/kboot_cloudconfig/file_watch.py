"""Looks each second at the files of the other services and at the description, for ever."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from .fleet import Fleet
from .lease_notes import LeaseNotes
from .log import LogLevel, log
from .problem import ProblemError
from .updater_notes import UpdaterNotes

HEARD_KEPT_EVERY = timedelta(minutes=1)  # each time is a write to the disk for many machines
_HEARD_AT_ONCE = 500  # some milliseconds


async def watch_files(fleet: Fleet, period_s: float = 1.0) -> None:
    """Note what dnsmasq and the updater wrote every `period_s`, and once a minute who was heard of."""
    leases, updater = LeaseNotes(fleet), UpdaterNotes(fleet)
    while True:
        try:
            for _ in leases.steps():
                await asyncio.sleep(0)
            updater.tell()
            if abs(fleet.now() - fleet.heard_kept_at) >= HEARD_KEPT_EVERY:  # the clock may have been set back
                await _keep_heard(fleet)
                leases.look_at_all()
        except ProblemError as problem:
            log("watch-waits", LogLevel.WARNING, problem=problem.detail)
        except Exception as error:  # the border of a background job: it must outlive a bad moment
            log("watch-failed", LogLevel.ERROR, problem=repr(error))
        await asyncio.sleep(period_s)


async def watch_description(fleet: Fleet, period_s: float = 1.0) -> None:
    """Take a large description over where it has changed; a small one is read by whoever asks first."""
    while True:
        try:
            await fleet.description.follow()
        except Exception as error:  # the border of a background job: it must outlive a bad moment
            log("description-watch-failed", LogLevel.ERROR, problem=repr(error))
        await asyncio.sleep(period_s)


async def _keep_heard(fleet: Fleet) -> None:
    """Keep who was heard of, some at a time, so that others have their turn before the next ones are written."""
    commits, left = fleet.store.commits, 1
    while left:
        made = commits.made
        left = fleet.keep_heard(_HEARD_AT_ONCE)
        await commits.kept(made)
