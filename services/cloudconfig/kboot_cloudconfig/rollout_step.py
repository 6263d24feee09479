"""The steps of a rollout: which machine has its turn next, what is done on nodes, and when it is over. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from kboot_clusterdesc import Mac
from kboot_clusterdesc.roll_order import First, roll_groups

from .patience import Patience
from .rollout import DOWN, UNDER_WAY, Course, Rollout, Stage, State, aimed, became, narrowed, with_course
from .rollout_course import is_well, may_begin, moved, obstacle
from .rollout_view import AgentState, Member, Task, View, has_asked, is_older, names

NO_RELEASE = "no release with a whole payload is in force"


def step(rollout: Rollout, view: View, now: datetime, patience: Patience = Patience()) -> Rollout:  # noqa: B008 - frozen
    """Return the rollout after a look at the machines.

    It moves who is under way, begins where machines run an older release, gives the next ones their turn, and ends.
    It halts where a machine failed, and takes no more than `max_parallel` machines down at once.
    """
    rollout = _without_the_gone(rollout, view)
    for mac in tuple(rollout.courses):
        rollout = _tidied(moved(rollout, mac, view, now, patience), mac, view)
    rollout = _aimed(narrowed(rollout, rollout.max_parallel or view.max_parallel, now), view, now)
    if rollout.state is not State.RUNNING:
        return rollout
    if not rollout.at(*UNDER_WAY) and not (view.is_wanted and _older(rollout, view)):
        return replace(became(rollout, State.IDLE, None, now), max_parallel=None, is_any_time=False)
    return _offered(rollout, view, now)


def tasks(rollout: Rollout, view: View) -> dict[Mac, Task]:
    """Return what is to be done on nodes now, until it is over: each may be done twice."""
    return {
        mac: task
        for mac, course in rollout.courses.items()
        if view.has_kubernetes and mac in view.members and (task := _task(rollout, mac, course, view))
    }


def _task(rollout: Rollout, mac: Mac, course: Course, view: View) -> Task | None:
    if course.stage is Stage.DRAINING:
        return None if course.is_drained else Task.DRAIN
    if not course.is_marked or course.stage is Stage.REBOOTING:
        return None
    if course.stage is Stage.SETTLING:
        return Task.TAKE_BACK if is_well(rollout, mac, view) is None else None
    if course.stage is Stage.FAILED:  # it may have come back, with its old release or too late
        return Task.UNCORDON if view.members[mac].trouble is None else None
    return Task.UNCORDON


def _without_the_gone(rollout: Rollout, view: View) -> Rollout:
    kept = {mac: course for mac, course in rollout.courses.items() if mac in view.members}
    refused = {mac: release for mac, release in rollout.refused.items() if mac in view.members}
    return replace(rollout, courses=kept, refused=refused)


def _tidied(rollout: Rollout, mac: Mac, view: View) -> Rollout:
    """Forget that a node is cordoned by us, once it was uncordoned after its turn was taken back or failed."""
    course, outcome = rollout.courses[mac], view.outcome(mac, Task.UNCORDON)
    if not course.is_marked or course.stage not in (Stage.WAITING, Stage.OFFERED, Stage.FAILED):
        return rollout
    if not view.has_kubernetes or (outcome.is_over and outcome.words is None):
        return with_course(rollout, mac, replace(course, is_marked=False))
    return rollout


def _aimed(rollout: Rollout, view: View, now: datetime) -> Rollout:
    """Begin where there is something to do, and turn to a newer release once nobody is down for the one before.

    A rollout that halted stays with its release: somebody has to look first.
    """
    if view.release is None or not view.is_wanted or rollout.state is State.HALTED or rollout.at(*DOWN):
        return rollout
    turned = aimed(rollout, view.release, now)
    if rollout.state is State.IDLE:
        return became(turned, State.RUNNING, None, now) if _remaining(turned, view) else rollout
    return turned


def _remaining(rollout: Rollout, view: View) -> dict[Mac, Member]:
    """Return the machines that are to come to the release and may have their turn; those that are not well may not."""
    return {mac: member for mac, member in _older(rollout, view).items() if member.trouble is None}


def _older(rollout: Rollout, view: View) -> dict[Mac, Member]:
    """Return the machines that are to come to the release and have not had their turn."""
    release = rollout.release
    return {
        mac: member
        for mac, member in view.members.items()
        if release is not None
        and member.is_part
        and is_older(member.version, release)
        and rollout.refused.get(mac) != release
        and (mac not in rollout.courses or rollout.courses[mac].stage is Stage.WAITING)
    }


def _offered(rollout: Rollout, view: View, now: datetime) -> Rollout:
    """Give turns to as many machines as may have them, and say what the others wait for."""
    if not may_begin(rollout, view):
        return replace(rollout, reason=_why_nobody(rollout, view))
    while True:
        why = None
        for mac, member in _next(rollout, view):
            if not has_asked(member, now):
                why = why or f"{member.name} has not asked for its turn lately: is its config older (`kboot upgrade`)?"
            elif (against := obstacle(rollout, mac, view)) is not None:
                why = why or against
                return replace(rollout, reason=None if rollout.at(*UNDER_WAY) else why)  # it holds for the whole group
            else:
                before = rollout.courses.get(mac)
                marked = before is not None and before.is_marked
                course = Course(Stage.OFFERED, now, from_version=member.version, is_marked=marked)
                rollout = with_course(rollout, mac, course)
                break
        else:
            return replace(rollout, reason=None if rollout.at(*UNDER_WAY) else why or _unwell(rollout, view))


def _unwell(rollout: Rollout, view: View) -> str | None:
    """Return why the last machines to come to the release may not: a rollout waits for them, and keeps its rules."""
    ill = [member for member in _older(rollout, view).values() if member.trouble is not None]
    return f"waits for {names(ill)}: {ill[0].trouble}" if ill else None


def _next(rollout: Rollout, view: View) -> Iterator[tuple[Mac, Member]]:
    """Yield the machines of the first group that is not through, in order, without those under way."""
    under_way = {mac: view.members[mac] for mac in rollout.at(*UNDER_WAY)}
    waiting = _remaining(rollout, view)
    groups = roll_groups(
        [mac for mac in view.members if mac in under_way or mac in waiting],
        lambda mac: view.members[mac].roles,
        First.WORKERS,
        is_begun=lambda mac: mac in under_way or _has_fetched(view.members[mac]),
    )
    return ((mac, waiting[mac]) for mac in (groups[0].machines if groups else ()) if mac in waiting)


def _has_fetched(member: Member) -> bool:
    return member.word is not None and member.word.state is AgentState.NEEDS_REBOOT


def _why_nobody(rollout: Rollout, view: View) -> str | None:
    """Return what a rollout that runs waits for by the operator's rules."""
    if rollout.at(*DOWN):
        return None
    if view.release is None:
        return NO_RELEASE
    if view.held_by is not None:
        return f"waits for {view.held_by}"
    return view.closed_for_good or "waits for `os.update.window`"
