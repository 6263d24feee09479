"""What a rollout sees: machines, words of their update agents, the cluster's health, the operator's rules. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kboot_clusterdesc import Mac, Role
from kboot_clusterdesc.os_release import release_number

HEARD_WITHIN = timedelta(minutes=10)  # an agent asks each minute


class AgentState(StrEnum):
    """What an update agent says of its machine."""

    IDLE = "idle"
    UPDATING = "updating"
    NEEDS_REBOOT = "needs-reboot"


@dataclass(frozen=True, slots=True)
class Word:
    """The newest word of a machine's update agent."""

    state: AgentState
    version: str  # of the OS that runs
    boot: str  # the id of this boot, another one after each
    at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """One machine as a rollout sees it."""

    name: str
    roles: tuple[Role, ...]
    version: str | None  # of the OS, as it reported when it booted from its disk
    is_part: bool  # it runs from its disk, and is not armed
    trouble: str | None = None  # why it is not well; None where it is
    word: Word | None = None
    error: tuple[datetime, str] | None = None  # its client's newest with the rollout's release, told before the word
    is_marked: bool = False  # its node bears the mark of a cordon, ours or that of `kboot upgrade`
    booted: str | None = None  # the boot that its kubelet reports, by its id
    installed: str | None = None  # the release that waits for its reboot, as its update client told
    away: str | None = None  # why it is no part for now, such as that it is being installed; None where it is one
    unoffered: tuple[datetime, str] | None = None  # its last check, if that was offered nothing, and why


class Task(StrEnum):
    """What is done on a node for a rollout."""

    DRAIN = "drain"  # mark it as cordoned by us, cordon it, move its pods
    TAKE_BACK = "take-back"  # wait until the pods that a node needs to work are ready, then the next
    UNCORDON = "uncordon"  # uncordon it where the mark says that we cordoned it, and drop the mark


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a task is; one that is over with no `words` is done."""

    task: Task
    is_over: bool
    words: str | None = None  # what it waits for, or why it failed


@dataclass(frozen=True, slots=True)
class View:
    """What a rollout sees at one moment; the order of `members` is that of the description."""

    members: Mapping[Mac, Member]
    release: str | None  # in force, with its whole payload
    is_wanted: bool = True  # the description updates machines, and by rollouts
    is_open: bool = True  # the time lies in the window
    closed_for_good: str | None = None  # why the window never opens
    held_by: str | None = None  # who has it wait, such as a `kboot upgrade` that runs
    trouble: str | None = None  # of etcd, of the API server, or by the operator's checks
    has_kubernetes: bool = True
    max_parallel: int = 1
    outcomes: Mapping[Mac, Outcome] = field(default_factory=dict)

    def outcome(self, mac: Mac, task: Task) -> Outcome:
        """Return how far that task is on a machine; one of which nothing is known yet is not over."""
        outcome = self.outcomes.get(mac)
        return outcome if outcome is not None and outcome.task is task else Outcome(task, is_over=False)


def is_older(version: str | None, release: str) -> bool:
    """Return whether a machine with `version` is to be brought to `release`; what is no number is never older."""
    try:
        return version is not None and release_number(version) < release_number(release)
    except ValueError:
        return False


def has_asked(member: Member, now: datetime) -> bool:
    """Return whether a machine's agent was heard of lately."""
    return member.word is not None and abs(now - member.word.at) <= HEARD_WITHIN


def names(members: Collection[Member]) -> str:
    """Return the names of machines, for people."""
    shown = [member.name for member in members]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
