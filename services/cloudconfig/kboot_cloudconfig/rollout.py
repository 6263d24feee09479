"""The rollout of an OS release over the machines that run, as a value, and what an operator does to it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from kboot_clusterdesc import Mac

BY_OPERATOR = "paused by the operator"
TO_BE_LOOKED_AT = "to be looked at again"


class State(StrEnum):
    """What a rollout does."""

    IDLE = "idle"  # nothing is to be done; a release that comes into force begins one
    RUNNING = "running"  # one machine after the other, or it waits for what `reason` says
    PAUSED = "paused"  # the operator wants no machine to begin
    HALTED = "halted"  # a machine failed, as `reason` says, and an operator has not looked yet


class Stage(StrEnum):
    """How far one machine is in a rollout."""

    WAITING = "waiting"
    OFFERED = "offered"  # it may fetch the release into its other partition, and works on meanwhile
    DRAINING = "draining"  # it has the release; its pods are moved, then it is told to reboot once it asks
    REBOOTING = "rebooting"  # it was told to reboot, and has not told of a new boot
    SETTLING = "settling"  # it runs the release; its node, etcd and the operator's checks are waited for
    DONE = "done"
    FAILED = "failed"


# A machine of these is down, or about to be: what was begun there ends by itself.
DOWN = frozenset({Stage.DRAINING, Stage.REBOOTING, Stage.SETTLING})
UNDER_WAY = DOWN | {Stage.OFFERED}
_TOLD = DOWN - {Stage.DRAINING}


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one machine through a rollout."""

    stage: Stage
    since: datetime
    reason: str | None = None  # why it failed, or what it is waited for
    from_version: str | None = None  # what it ran when it was offered the release
    boot: str | None = None  # the boot, by its id, in which it had fetched the release
    is_drained: bool = False
    is_marked: bool = False  # its node may be cordoned by us, and bear our mark
    errors: int = 0  # of its update client, since it was offered the release
    error_at: datetime | None = None  # of the newest of them


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout: of which release, how far it is, and each machine's course through it."""

    since: datetime  # of its state
    state: State = State.IDLE
    release: str | None = None
    reason: str | None = None  # why it halted or pauses; of one that runs, what it waits for
    max_parallel: int | None = None  # the operator's word for this rollout; None: the description's
    is_any_time: bool = False  # the operator lets it go on outside of the window
    courses: Mapping[Mac, Course] = field(default_factory=dict)
    refused: Mapping[Mac, str] = field(default_factory=dict)  # the release that a machine failed with

    @property
    def has_canary(self) -> bool:
        """Whether one machine came to the release, and was well: until then no other may be under way."""
        return any(course.stage is Stage.DONE for course in self.courses.values())

    def at(self, *stages: Stage) -> list[Mac]:
        """Return the machines at one of these stages."""
        return [mac for mac, course in self.courses.items() if course.stage in stages]


def became(rollout: Rollout, state: State, reason: str | None, now: datetime) -> Rollout:
    """Return the rollout in a state; the time of a state that it is in already stays."""
    since = rollout.since if rollout.state is state else now
    return replace(rollout, state=state, reason=reason, since=since)


def with_course(rollout: Rollout, mac: Mac, course: Course) -> Rollout:
    """Return the rollout with another course of one machine."""
    return replace(rollout, courses={**rollout.courses, mac: course})


def withdrawn(course: Course, now: datetime, reason: str | None = None) -> Course:
    """Return the course of a machine that waits again, though its turn had come; its node is uncordoned."""
    return Course(Stage.WAITING, now, reason, is_marked=course.is_marked)


def taken_up(rollout: Rollout, now: datetime) -> Rollout:
    """Return the kept rollout as a server that begins takes it up: while no server looked, no patience ran out.

    Whether the gate is open is not known yet, so nobody who is drained is told to reboot before the first look.
    """
    courses = {
        mac: replace(course, since=now, reason=TO_BE_LOOKED_AT if course.stage is Stage.DRAINING else course.reason)
        if course.stage in UNDER_WAY
        else course
        for mac, course in rollout.courses.items()
    }
    return replace(rollout, courses=courses)


def handed_on(rollout: Rollout, before: Mac, after: Mac) -> Rollout:
    """Return the rollout with the course of a machine under the MAC by which it is known from now on."""
    courses = {after if mac == before else mac: course for mac, course in rollout.courses.items()}
    refused = {after if mac == before else mac: release for mac, release in rollout.refused.items()}
    return replace(rollout, courses=courses, refused=refused)


def aimed(rollout: Rollout, release: str, now: datetime) -> Rollout:
    """Return the rollout aimed at `release`: each machine waits, but for those that were told to reboot.

    Aimed at the same release it keeps how far each machine has come.
    """
    if release == rollout.release:
        return rollout
    courses = {
        mac: course if course.stage in _TOLD else withdrawn(course, now)
        for mac, course in rollout.courses.items()
        if course.stage in _TOLD or course.is_marked
    }
    return replace(rollout, release=release, courses=courses)


def halted(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    """Return the rollout after it halted: who has not been told to reboot waits again."""
    if rollout.state is State.HALTED and rollout.reason and reason not in rollout.reason:
        reason = f"{rollout.reason}; {reason}"
    return became(recalled(rollout, now), State.HALTED, reason, now)


def recalled(rollout: Rollout, now: datetime) -> Rollout:
    """Return the rollout with the turns taken back of all who have not been told to reboot."""
    kept = {
        mac: withdrawn(course, now) if course.stage in (Stage.OFFERED, Stage.DRAINING) else course
        for mac, course in rollout.courses.items()
    }
    return replace(rollout, courses=kept)


def paused(rollout: Rollout, now: datetime) -> Rollout:
    """Return the rollout after the operator paused it: who was told to reboot ends that, nobody else begins.

    One that halted stays so: it would not go on either.
    """
    if rollout.state in (State.PAUSED, State.HALTED):
        return rollout
    return became(recalled(rollout, now), State.PAUSED, BY_OPERATOR, now)


def resumed(rollout: Rollout, again: Collection[Mac], now: datetime, max_parallel: int | None = None) -> Rollout:
    """Return the rollout after the operator let it go on; the machines `again` may be offered its release once more.

    Those that are not named stay out of it if they failed.
    """
    refused = {mac: release for mac, release in rollout.refused.items() if mac not in again}
    courses = {
        mac: withdrawn(course, now) if course.stage is Stage.FAILED and mac in again else course
        for mac, course in rollout.courses.items()
    }
    free = replace(rollout, refused=refused, courses=courses, max_parallel=max_parallel or rollout.max_parallel)
    return free if free.state is State.IDLE else became(free, State.RUNNING, None, now)


def started(
    rollout: Rollout, release: str, now: datetime, *, max_parallel: int | None = None, is_any_time: bool = False
) -> Rollout:
    """Return the rollout after the operator began one: with a canary of its own, also for a release that halted."""
    anew = rollout if rollout.state is State.RUNNING else replace(rollout, release=None)
    running = became(aimed(anew, release, now), State.RUNNING, None, now)
    return replace(running, max_parallel=max_parallel, is_any_time=is_any_time)


def narrowed(rollout: Rollout, most: int, now: datetime) -> Rollout:
    """Return the rollout with no more machines down than `most`, as far as they were not told to reboot.

    Too many are where the operator wants fewer at once than before. Those that were drained last have their pods back,
    and wait with the release in their other partition.
    """
    draining = sorted(
        rollout.at(Stage.DRAINING), key=lambda mac: (not rollout.courses[mac].is_drained, rollout.courses[mac].since)
    )
    for mac in draining[max(0, most - len(rollout.at(*_TOLD))) :]:
        course = replace(rollout.courses[mac], stage=Stage.OFFERED, since=now, reason=None, is_drained=False)
        rollout = with_course(rollout, mac, course)
    return rollout


def told_to_reboot(rollout: Rollout, mac: Mac, now: datetime) -> Rollout:
    """Return the rollout after a machine, drained and asking, was told to reboot."""
    course = rollout.courses[mac]
    return with_course(rollout, mac, replace(course, stage=Stage.REBOOTING, since=now, reason=None))
