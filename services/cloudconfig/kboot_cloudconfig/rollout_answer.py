"""What a machine is told that asks for an update, or whether it may reboot. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy

from .clock_steps import LEAST_STEP
from .rollout import Rollout, Stage, State
from .rollout_view import AgentState, Word

HOLD_LASTS = timedelta(minutes=5)  # after it was last told


class Action(StrEnum):
    """What an update agent is to do."""

    WAIT = "wait"
    CHECK = "check"  # have the update client look for a release now
    RESET = "reset"  # have it forget what it has installed, which is another release, and look for one now
    REBOOT = "reboot"


class HeldTurn(StrEnum):
    """What a machine may do whose turn is given by who holds the rollouts."""

    FETCH = "fetch"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True)
class Hold:
    """That rollouts wait for another work on the machines, which gives turns itself, until it ends or tells no more."""

    by: str  # for people: which command, of whom
    key: str  # which only the holder knows
    until: datetime
    release: str | None = None  # to which it brings machines
    turns: Mapping[Mac, HeldTurn] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the description says of reboots at this moment."""

    strategy: RebootStrategy
    is_open: bool  # the time lies in the window


def standing(hold: Hold | None, now: datetime) -> Hold | None:
    """Return the hold while it stands; by a clock that was set back it would for longer than any was told to."""
    return hold if hold is not None and _is_in_time(hold.until, now) else None


def by_set_clock(hold: Hold, now: datetime, by: timedelta) -> Hold:
    """Return the hold with its end by the clock that was set `by` so much; it may have been told since then."""
    ends = [until for until in (hold.until, hold.until + by) if _is_in_time(until, now)]
    return replace(hold, until=max(ends, default=hold.until))


def _is_in_time(until: datetime, now: datetime) -> bool:
    return timedelta(0) < until - now <= HOLD_LASTS + LEAST_STEP  # no end follows a clock that was set by less


def offered_release(rollout: Rollout, hold: Hold | None, mac: Mac) -> str | None:
    """Return the release that a machine may fetch now by its turn; None while it has none.

    One that was told to reboot is offered nothing: fallen back, it would fetch again what did not boot.
    """
    if hold is not None:
        return hold.release if hold.turns.get(mac) is HeldTurn.FETCH else None
    course = rollout.courses.get(mac)
    return rollout.release if course is not None and course.stage is Stage.OFFERED else None


def action_for(
    rules: Rules, rollout: Rollout, hold: Hold | None, mac: Mac, word: Word, installed: str | None
) -> Action:
    """Return what a machine is to do that told `word`, and that `installed` a release as its update client told.

    In a rollout it is told to reboot when it is drained and nothing stands in its way.
    """
    has_fetched = word.state is AgentState.NEEDS_REBOOT
    release = offered_release(rollout, hold, mac)
    if hold is not None and mac in hold.turns:
        return _go(word, release, installed, may_reboot=hold.turns[mac] is HeldTurn.REBOOT)
    match rules.strategy:
        case RebootStrategy.REBOOT:
            return Action.REBOOT if has_fetched and rules.is_open and hold is None else Action.WAIT
        case RebootStrategy.ROLLOUT:
            return _go(word, release, installed, may_reboot=may_reboot(rollout, mac, word))
        case _:
            return Action.WAIT


def may_reboot(rollout: Rollout, mac: Mac, word: Word) -> bool:
    """Return whether a machine that told `word` may reboot by its turn: it is drained, or lost the answer before."""
    course = rollout.courses.get(mac)
    if course is None or word.boot != course.boot:
        return False
    is_ready = rollout.state is State.RUNNING and course.is_drained and course.reason is None
    return course.stage is Stage.REBOOTING or (course.stage is Stage.DRAINING and is_ready)


def _go(word: Word, release: str | None, installed: str | None, *, may_reboot: bool) -> Action:
    """Return what a machine is to do that may fetch `release`, None where it may fetch none.

    An update client that waits for a reboot looks for nothing more until then, unless it is told to forget that.
    """
    if word.state is AgentState.NEEDS_REBOOT:
        if may_reboot:
            return Action.REBOOT
        return Action.RESET if release not in (None, installed) else Action.WAIT
    return Action.CHECK if word.state is AgentState.IDLE and release is not None else Action.WAIT
