"""The updater's report on itself: `status.json` in the store, read by cloudconfig and by `kboot os`."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .log import LogLevel, log, timestamp

EVENTS_KEPT = 50


class StatusEvent(BaseModel):
    """An event of the updater, such as a release that was mirrored or refused."""

    model_config = ConfigDict(frozen=True)

    at: str
    kind: str
    detail: str


class MirrorStatus(BaseModel):
    """The result of the last check, and the newest events. Counters never go back while the store lives."""

    checked: str | None = None
    next_check: str | None = None  # None where nothing but an edit of the description brings one
    channel: str | None = None
    version: str | None = None
    current: str | None = None
    published: str | None = None  # the release that the channel stood at when it was last asked
    remark: str | None = None  # why another release is in force than that
    error: str | None = None
    events: list[StatusEvent] = Field(default_factory=list)
    error_kind: str | None = None
    payload: str | None = None  # the release in force, once its update payloads are whole and verified
    payload_error: str | None = None
    payload_error_kind: str | None = None
    succeeded: str | None = None
    previous: str | None = None
    checks_total: int = 0
    failed_checks_total: int = 0
    refused_total: int = 0
    switches_total: int = 0
    failed_payloads_total: int = 0
    downloaded_bytes_total: int = 0

    def note(self, now: datetime, kind: str, detail: str, *, standing: bool = False) -> None:
        """Log an event and add it to the events kept.

        An event equal to the last one is not added: a server that stays away is told once. A `standing` event
        holds for months beside all others, and is not added while an equal one is kept.
        """
        log(kind, detail=detail)
        told = self.events if standing else self.events[-1:]
        if all((event.kind, event.detail) != (kind, detail) for event in told):
            self.events.append(StatusEvent(at=timestamp(now), kind=kind, detail=detail))
            del self.events[:-EVENTS_KEPT]


def read_status(path: Path) -> MirrorStatus:
    """Return the status in `path`; an empty one where the file is missing or cannot be read."""
    try:
        return MirrorStatus.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return MirrorStatus()


def write_status(path: Path, status: MirrorStatus) -> None:
    """Replace the status file by one rename; a failed write is logged, since no status could report it."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as stream:
            json.dump(status.model_dump(mode="json"), stream, indent=1)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, path)
    except OSError as error:
        log("status-not-written", LogLevel.ERROR, detail=str(error))
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
