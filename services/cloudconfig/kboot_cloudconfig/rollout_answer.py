"""What a machine is told that asks for an update, or whether it may reboot. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy

from .rollout import Rollout, Stage, State
from .rollout_view import AgentState, Word


class Action(StrEnum):
    """What an update agent is to do."""

    WAIT = "wait"
    CHECK = "check"  # have the update client look for a release now
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
    """Return the hold while it stands."""
    return hold if hold is not None and now < hold.until else None


def offered_release(rollout: Rollout, hold: Hold | None, mac: Mac) -> str | None:
    """Return the release that a machine may fetch now by its turn; None while it has none.

    One that was told to reboot is offered nothing: fallen back, it would fetch again what did not boot.
    """
    if hold is not None:
        return hold.release if hold.turns.get(mac) is HeldTurn.FETCH else None
    course = rollout.courses.get(mac)
    return rollout.release if course is not None and course.stage is Stage.OFFERED else None


def action_for(rules: Rules, rollout: Rollout, hold: Hold | None, mac: Mac, word: Word) -> Action:
    """Return what a machine is to do that told `word`.

    In a rollout it is told to reboot when it is drained and nothing stands in its way.
    """
    has_fetched = word.state is AgentState.NEEDS_REBOOT
    if hold is not None and mac in hold.turns:
        is_now = hold.turns[mac] is HeldTurn.REBOOT
        return _go(may_fetch=not is_now, may_reboot=is_now, word=word)
    match rules.strategy:
        case RebootStrategy.REBOOT:
            return Action.REBOOT if has_fetched and rules.is_open and hold is None else Action.WAIT
        case RebootStrategy.ROLLOUT:
            may_fetch = offered_release(rollout, hold, mac) is not None
            return _go(may_fetch=may_fetch, may_reboot=may_reboot(rollout, mac, word), word=word)
        case _:
            return Action.WAIT


def may_reboot(rollout: Rollout, mac: Mac, word: Word) -> bool:
    """Return whether a machine that told `word` may reboot by its turn: it is drained, or lost the answer before."""
    course = rollout.courses.get(mac)
    if course is None or word.boot != course.boot:
        return False
    is_ready = rollout.state is State.RUNNING and course.is_drained and course.reason is None
    return course.stage is Stage.REBOOTING or (course.stage is Stage.DRAINING and is_ready)


def _go(*, may_fetch: bool, may_reboot: bool, word: Word) -> Action:
    if word.state is AgentState.NEEDS_REBOOT and may_reboot:
        return Action.REBOOT
    return Action.CHECK if word.state is AgentState.IDLE and may_fetch else Action.WAIT
