"""Shows the rollout, and takes the operator's word on it; `kboot upgrade` has it wait, and gives turns itself."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Request
from pydantic import Field

from kboot_clusterdesc import EventKind
from kboot_clusterdesc.model import RebootStrategy

from .api import GateState, RolloutState
from .body import WHOLE, Body
from .caller import Sent, ServedFleet, SpeltMac, mac_of, operator_of, parsed, small_body
from .fleet import Fleet
from .person import Person, note_action
from .problem import ProblemError
from .rollout import UNDER_WAY, Rollout, paused, resumed, started
from .rollout_answer import HOLD_LASTS, HeldTurn, Hold
from .rollout_sight import cluster_trouble, machines_trouble, seen
from .rollout_step import NO_RELEASE
from .rollout_view import is_older
from .shown_rollout import rollout_state, whole_rollout
from .updating_release import updating_release

_Parallel = Annotated[int, Field(ge=1, le=100), WHOLE]


class StartWord(Body):
    """The body of a start."""

    max_parallel: _Parallel | None = None
    release: Annotated[
        str | None, Field(max_length=60, description="the one that is meant: 409 where it is not the one in force")
    ] = None
    any_time: Annotated[bool, Field(description="also outside of `os.update.window`")] = False


class ResumeWord(Body):
    """The body of a resume."""

    max_parallel: _Parallel | None = None
    again: list[SpeltMac] = Field(
        default_factory=list, max_length=10_000, description="failed machines to be tried again"
    )


class HoldWord(Body):
    """The body of a hold, to be sent again and again while it is wanted."""

    by: Annotated[str, Field(min_length=1, max_length=100)]
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    release: Annotated[
        str | None, Field(max_length=60, description="to which turns bring machines; that in force if left out")
    ] = None
    turns: dict[SpeltMac, HeldTurn] = Field(
        default_factory=dict,
        max_length=10_000,
        description="MAC to what the machine may do",
        json_schema_extra={"additionalProperties": False},
    )
    ends: bool = False


class PauseWord(Body):
    """The body of a pause, which says nothing."""


class GateWord(Body):
    """The body of a question for the gate."""

    besides: Annotated[str, Field(max_length=64, description="the node to be taken down: it may be unwell")] = ""


async def show(fleet: ServedFleet) -> RolloutState:
    """Answer with the rollout."""
    return await whole_rollout(fleet)


async def start(request: Request, fleet: ServedFleet) -> RolloutState:
    """Begin a rollout of the release in force, with a canary of its own; only the operator token may."""
    return await start_rollout(fleet, *await _operators(request, fleet, StartWord))


async def pause(request: Request, fleet: ServedFleet) -> RolloutState:
    """Let no machine begin; who was told to reboot ends that; only the operator token may."""
    person, _ = await _operators(request, fleet, PauseWord)
    return pause_rollout(fleet, person)


async def resume(request: Request, fleet: ServedFleet) -> RolloutState:
    """Let a rollout go on that pauses or halted; only the operator token may."""
    return resume_rollout(fleet, *await _operators(request, fleet, ResumeWord))


async def start_rollout(fleet: Fleet, person: Person, word: StartWord) -> RolloutState:
    """Begin a rollout; answer 409 where there is nothing to roll out, or the description wants none."""
    _refuse_other_strategies(fleet)
    release = updating_release(fleet)
    if release is None:
        raise ProblemError(409, f"{NO_RELEASE}: `kboot os list` shows what is here, `kboot os sync` fetches it")
    if word.release not in (None, release):
        raise ProblemError(409, f"a start takes {release} by now, not what was asked for: look again, and start that")
    view = await seen(fleet, {})
    if not any(member.is_part and is_older(member.version, release) for member in view.members.values()):
        raise ProblemError(409, f"no machine that runs has an older release than {release}")
    rollout = fleet.rollouts.rollout
    after = started(rollout, release, fleet.now(), max_parallel=word.max_parallel, is_any_time=word.any_time)
    return _kept(fleet, person, after, "started")


def pause_rollout(fleet: Fleet, person: Person) -> RolloutState:
    """Let no machine begin."""
    return _kept(fleet, person, paused(fleet.rollouts.rollout, fleet.now()), "paused")


def resume_rollout(fleet: Fleet, person: Person, word: ResumeWord) -> RolloutState:
    """Let a rollout go on; answer 409 where the description wants none."""
    _refuse_other_strategies(fleet)
    again = [fleet.node(fleet.identity(mac_of(each))).mac for each in word.again]
    after = resumed(fleet.rollouts.rollout, again, fleet.now(), word.max_parallel)
    return _kept(fleet, person, after, "resumed")


async def hold(request: Request, fleet: ServedFleet) -> RolloutState:
    """Have the rollout wait for another work, which may give turns itself; 409 while a machine is under way.

    It lasts for five minutes after it was last asked for.
    """
    person, word = await _operators(request, fleet, HoldWord)
    now = fleet.now()
    standing = fleet.rollouts.hold(now)
    if standing is not None and not hmac.compare_digest(standing.key, word.key):
        raise ProblemError(409, f"{standing.by} works on the machines")
    if word.ends:
        fleet.rollouts.keep_hold(None)
        if standing is not None:
            note_action(fleet, person, "rollout released", holder=standing.by)
        return rollout_state(fleet)
    if standing is None and (busy := _names(fleet, fleet.rollouts.rollout)):
        raise ProblemError(409, f"a rollout is under way: {busy}; `kboot os rollout pause` has it stop after that")
    turns = {fleet.node(fleet.identity(mac_of(each))).mac: turn for each, turn in word.turns.items()}
    release = word.release or updating_release(fleet)
    if standing is None:
        note_action(fleet, person, "rollout held", holder=word.by)
    fleet.rollouts.keep_hold(Hold(word.by, word.key, now + HOLD_LASTS, release, turns))
    return rollout_state(fleet)


async def gate(request: Request, fleet: ServedFleet) -> GateState:
    """Answer what keeps any machine from being taken down now; only the operator token may."""
    _, word = await _operators(request, fleet, GateWord)
    found = await cluster_trouble(fleet, word.besides), await machines_trouble(fleet, word.besides)
    return {"trouble": "; ".join(each for each in found if each is not None) or None}


def _names(fleet: Fleet, rollout: Rollout) -> str:
    return ", ".join(f"{fleet.node(mac).name} is {rollout.courses[mac].stage.value}" for mac in rollout.at(*UNDER_WAY))


def _kept(fleet: Fleet, person: Person, after: Rollout, what: str) -> RolloutState:
    note_action(fleet, person, f"rollout {what}")
    if after != fleet.rollouts.rollout:
        fleet.rollouts.keep(after)
        fleet.tell(EventKind.ROLLOUT, None, release=after.release or "", what=what)
    return rollout_state(fleet)


def _refuse_other_strategies(fleet: Fleet) -> None:
    update = fleet.desc().os.update
    if not update.enabled:
        raise ProblemError(409, "the description has `os.update.enabled: false`: machines are offered nothing")
    if update.reboot_strategy is not RebootStrategy.ROLLOUT:
        strategy = update.reboot_strategy.value
        raise ProblemError(409, f"the description has `os.update.reboot_strategy: {strategy}`: each machine goes alone")


async def _operators(request: Request, fleet: Fleet, form: type[Sent]) -> tuple[Person, Sent]:
    person = operator_of(fleet, request, None)
    return person, parsed(form, await small_body(request, 1 << 20) or b"{}")
