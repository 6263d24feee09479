"""Turns what an update client tells into a step of its update. Pure."""

from __future__ import annotations

from datetime import datetime

from .omaha_errors import ROLLED_BACK, base_code, words_of
from .omaha_request import App, ClientEvent
from .update_history import Entry, History, target
from .update_step import Step

_FAILED, _DONE, _AFTER_REBOOT, _DEFERRED = 0, 1, 2, 9  # results
_UPDATE, _DOWNLOAD_BEGAN, _DOWNLOAD_ENDED = 3, 13, 14  # types
_STEPS = {
    (_DOWNLOAD_BEGAN, _DONE): Step.DOWNLOADING,
    (_DOWNLOAD_ENDED, _DONE): Step.DOWNLOADED,
    (_UPDATE, _DONE): Step.INSTALLED,
    (_UPDATE, _AFTER_REBOOT): Step.BOOTED,
    (_UPDATE, _DEFERRED): Step.DEFERRED,
}
_NO_VERSIONS = ("", "0.0.0.0")  # of the first check after a boot that no update led to # noqa: S104 - no address


def entry_of(event: ClientEvent, app: App, history: History, now: datetime) -> Entry | None:
    """Return the step that an event tells of; None for what is no step, as the first check after each boot."""
    if event.result == _FAILED:
        return _failure(event, app, history, now)
    step = _STEPS.get((event.kind, event.result))
    if step is Step.BOOTED:
        before = event.previous_version
        return None if before in _NO_VERSIONS else Entry(now, step, before, app.version)
    error = words_of(event.error_code) if step is Step.DEFERRED else ""
    return Entry(now, step, app.version, _aim(app, history), error) if step else None


def _failure(event: ClientEvent, app: App, history: History, now: datetime) -> Entry | None:
    error, aim = words_of(event.error_code), _aim(app, history)
    if base_code(event.error_code) == ROLLED_BACK:
        if history and history[-1].step is Step.DROPPED:  # it runs what it ran before an update, and never rebooted
            return None
        return Entry(now, Step.ROLLED_BACK, aim, app.version, error)
    return Entry(now, Step.FAILED, app.version, aim, error)


def _aim(app: App, history: History) -> str:
    aim = target(history)
    return "" if aim == app.version else aim
