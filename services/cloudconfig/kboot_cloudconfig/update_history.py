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

    def is_like(self, other: Entry | None) -> bool:
        """Return whether both tell the same, at whatever times."""
        return other is not None and replace(other, at=self.at) == self

    @property
    def state(self) -> UpdateStepState:
        """The form that the database keeps and `/v1/nodes` shows."""
        return {
            "at": rfc3339(self.at),
            "step": self.step,
            "from_version": self.from_version,
            "to_version": self.to_version,
            "error": self.error or None,
        }


History = tuple[Entry, ...]  # oldest first


def with_entry(history: History, entry: Entry) -> History:
    """Return the history with a step more; told again, one after the other, it is one step."""
    if history and history[-1].is_like(entry):
        return history
    return (*history, entry)[-ENTRIES_KEPT:]


def target(history: History) -> str:
    """Return the release that a machine was offered last; empty where it never was offered any."""
    return next((entry.to_version for entry in reversed(history) if entry.step is Step.OFFERED), "")


def fell_back_from(history: History) -> str:
    """Return the release that a machine went back from last; empty where it never did, or has run that one since."""
    for entry in reversed(history):
        if entry.step is Step.ROLLED_BACK:
            return entry.from_version
        if entry.step is Step.BOOTED:
            break
    return ""


def installed(history: History) -> str | None:
    """Return the release that waits on a machine's other partition for its reboot; None where none was told of.

    Each boot ends that, into whatever release.
    """
    for entry in reversed(history):
        if entry.step is Step.INSTALLED:
            return entry.to_version or None
        if entry.step in (Step.BOOTED, Step.ROLLED_BACK):
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
        )
        for each in plain
    )
