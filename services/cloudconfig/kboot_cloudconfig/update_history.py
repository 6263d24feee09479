"""How the OS of a machine was updated, step by step: what it said, and what was offered to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .api import UpdateStepState
from .event import rfc3339
from .update_step import Step

ENTRIES_KEPT = 32  # of a machine: some updates, each of about six


@dataclass(frozen=True, slots=True)
class Entry:
    """A step that a machine took; a version is empty where it is not known."""

    at: datetime
    step: Step
    from_version: str = ""
    to_version: str = ""
    error: str = ""  # why it failed, in words
    is_reported: bool = False  # by the machine itself, with its token: all else came over plain HTTP
    is_near: bool = False  # from an address of the machine's own; else it told its machine-id alone

    def is_like(self, other: Entry | None) -> bool:
        """Return whether both tell the same, at whatever times and in whatever way."""
        if other is None:
            return False
        return replace(other, at=self.at, is_reported=self.is_reported, is_near=self.is_near) == self

    @property
    def state(self) -> UpdateStepState:
        """The form that `/v1/nodes` shows."""
        return {
            "at": rfc3339(self.at),
            "step": self.step,
            "from_version": self.from_version,
            "to_version": self.to_version,
            "error": self.error or None,
        }

    @property
    def row(self) -> dict[str, Any]:
        """The form that the database keeps."""
        return {**self.state, "is_reported": self.is_reported, "is_near": self.is_near}


History = tuple[Entry, ...]  # oldest first


def with_entry(history: History, entry: Entry) -> History:
    """Return the history with a step more; told again, one after the other, it is one step.

    One that the machine reported itself, or told from its own address, stays so, whether others told the same before
    or after.
    """
    if history and entry.is_like(newest := history[-1]):
        is_reported, is_near = newest.is_reported or entry.is_reported, newest.is_near or entry.is_near
        known = replace(newest, is_reported=is_reported, is_near=is_near)
        return history if known == newest else (*history[:-1], known)
    return (*history, entry)[-ENTRIES_KEPT:]


def target(history: History) -> str:
    """Return the release that a machine was offered last; empty where it never was offered any."""
    return next((entry.to_version for entry in reversed(history) if entry.step is Step.OFFERED), "")


def fell_back_from(history: History) -> str:
    """Return the release that a machine went back from last; empty where it never did, or ran a newer one since.

    That it did has to be its own report: anybody could tell it over plain HTTP.
    """
    for entry in reversed(history):
        if entry.step is Step.ROLLED_BACK:
            return entry.from_version
        if entry.step is Step.BOOTED and entry.is_reported:
            break
    return ""


def newest_failure(history: History, release: str | None, until: datetime) -> Entry | None:
    """Return the last failure to come to `release` that the machine's own address told by `until`; None without one."""
    for entry in reversed(history):
        if entry.step is Step.FAILED and entry.is_near and entry.to_version == release and entry.at <= until:
            return entry
    return None


def installed(history: History) -> str | None:
    """Return the release that waits on a machine's other partition for its reboot; None where none was told of.

    Each boot ends that, into whatever release, and so does the word to fetch another.
    """
    for entry in reversed(history):
        if entry.step is Step.INSTALLED:
            return entry.to_version or None
        if entry.step in (Step.DROPPED, Step.BOOTED, Step.ROLLED_BACK):
            break
    return None


def from_json(plain: Iterable[dict[str, Any]]) -> History:
    """Return the history that was kept as a list of their states."""
    return tuple(
        Entry(
            datetime.fromisoformat(each["at"]),
            Step(each["step"]),
            each["from_version"],
            each["to_version"],
            each["error"] or "",
            each.get("is_reported", False),
            each.get("is_near", False),
        )
        for each in plain
    )
