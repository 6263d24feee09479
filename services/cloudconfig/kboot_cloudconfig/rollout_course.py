"""One machine's way through a rollout: from offered to done, or to failed, by what is seen of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from kboot_clusterdesc import Mac
from kboot_clusterdesc.roll_order import is_counted

from .patience import Patience
from .rollout import DOWN, UNDER_WAY, Course, Rollout, Stage, State, halted, with_course, withdrawn
from .rollout_view import AgentState, Member, Task, View, is_older, names


def moved(rollout: Rollout, mac: Mac, view: View, now: datetime, patience: Patience) -> Rollout:
    """Return the rollout after one of its machines was looked at; where that machine failed, it has halted."""
    course, member = rollout.courses[mac], view.members[mac]
    if not member.is_part:
        return with_course(rollout, mac, withdrawn(course, now)) if course.stage in UNDER_WAY else rollout
    match course.stage:
        case Stage.OFFERED:
            return _offered(rollout, mac, view, now, patience)
        case Stage.DRAINING:
            return _draining(rollout, mac, view, now, patience)
        case Stage.REBOOTING:
            return _rebooting(rollout, mac, view, now, patience)
        case Stage.SETTLING:
            return _settling(rollout, mac, view, now, patience)
        case Stage.DONE:
            return _done(rollout, mac, member, now)
        case _:
            return rollout


def obstacle(rollout: Rollout, mac: Mac, view: View) -> str | None:
    """Return why a machine may not be the next to go down, or to fetch what takes it down; None where it may."""
    if view.trouble:
        return view.trouble
    member = view.members[mac]
    course = rollout.courses.get(mac)
    # Those that are only offered the release wait themselves: two of them would wait for each other for ever.
    before = DOWN if course is not None and course.stage in UNDER_WAY else UNDER_WAY
    others = [each for each in rollout.at(*before) if each != mac]
    down = [each for other, each in view.members.items() if other != mac and _is_down(rollout, other, each)]
    if foreign := [m for each, m in view.members.items() if m.is_marked and not _is_ours(rollout, each)]:
        return f"`kboot upgrade` began with {names(foreign)} and did not end: run it again"
    if counted := [each for each in down if is_counted(each.roles)]:
        return f"{counted[0].name}: {counted[0].away or counted[0].trouble}"
    alone = not rollout.has_canary or is_counted(member.roles)
    if others and (alone or any(is_counted(view.members[each].roles) for each in others)):
        return f"{names([view.members[each] for each in others])} comes first"
    most = rollout.max_parallel or view.max_parallel
    if len(others) + len(down) >= most:
        shown = [f"{each.name} ({each.trouble})" for each in down[:3]]
        return f"{most} at most may be down at once, and {', '.join(shown) or 'as many'} are"
    return None


def is_well(rollout: Rollout, mac: Mac, view: View) -> str | None:
    """Return what a machine that runs the release is waited for still; None once it and the cluster are well."""
    member = view.members[mac]
    if member.word is not None and member.booted is not None and member.booted != member.word.boot:
        return "its kubelet has not been heard of since it booted"
    return member.trouble or view.trouble


def _offered(rollout: Rollout, mac: Mac, view: View, now: datetime, patience: Patience) -> Rollout:
    course, member, release = rollout.courses[mac], view.members[mac], rollout.release or ""
    if not is_older(member.version, release):  # it booted into it by itself
        return with_course(rollout, mac, replace(course, stage=Stage.SETTLING, since=now, reason=None))
    if not may_begin(rollout, view):
        return with_course(rollout, mac, withdrawn(course, now))
    if member.error is not None and _has_failed(course, member, member.error[0]):
        course = replace(course, errors=course.errors + 1, error_at=member.error[0], reason=member.error[1])
        rollout = with_course(rollout, mac, course)
        if course.errors >= patience.errors:
            return _failed(rollout, mac, view, now, f"failed {course.errors} times to fetch {release}: {course.reason}")
    word = member.word
    if word is not None and word.state is AgentState.NEEDS_REBOOT and word.at >= course.since:
        if member.installed == release:
            return _fetched(rollout, mac, view, now, word.boot)
        course = replace(course, reason=_other_release(member.installed, release))
        rollout = with_course(rollout, mac, course)
    if now - course.since > patience.fetch:
        said = course.reason or _unoffered(course, member)
        why = f": {said}" if said else ""
        return _failed(rollout, mac, view, now, f"did not fetch {release} within {minutes(patience.fetch)}{why}")
    return rollout


def _has_failed(course: Course, member: Member, at: datetime) -> bool:
    """Return whether what a client told over plain HTTP is one more failure: the agent vouches for it by its token.

    It says that the client rests again, which one that fetches does not, whoever tells failures in its name.
    """
    word = member.word
    has_rested = word is not None and word.state is AgentState.IDLE and word.at >= at
    return has_rested and at >= course.since and (course.error_at is None or at > course.error_at)


def _unoffered(course: Course, member: Member) -> str | None:
    """Return why a machine was offered nothing when it asked last, in its turn."""
    if member.unoffered is None or member.unoffered[0] < course.since:
        return None
    return f"at its last check it was offered nothing: {member.unoffered[1]}"


def may_begin(rollout: Rollout, view: View) -> bool:
    """Return whether any machine may have its turn now, as far as the operator's rules go."""
    is_aimed = view.release is not None and view.release == rollout.release
    is_free = view.is_wanted and view.held_by is None and (view.is_open or rollout.is_any_time)
    return rollout.state is State.RUNNING and is_aimed and is_free


def _other_release(installed: str | None, release: str) -> str:
    """Return why a machine that waits for its reboot is not told to: what it would boot into is not the release."""
    found = f"{installed} waits for its reboot" if installed else "it waits for its reboot into what it never told"
    return f"{found}, and is told to fetch {release} in its place"


def _fetched(rollout: Rollout, mac: Mac, view: View, now: datetime, boot: str) -> Rollout:
    course = rollout.courses[mac]
    why = obstacle(rollout, mac, view)
    if why is not None:
        return with_course(rollout, mac, replace(course, reason=why))
    has_pods = view.has_kubernetes
    goes = replace(course, stage=Stage.DRAINING, since=now, reason=None, boot=boot)
    return with_course(rollout, mac, replace(goes, is_drained=not has_pods, is_marked=course.is_marked or has_pods))


def _draining(rollout: Rollout, mac: Mac, view: View, now: datetime, patience: Patience) -> Rollout:
    course, member = rollout.courses[mac], view.members[mac]
    if _is_back(course, member):
        return with_course(rollout, mac, replace(course, stage=Stage.REBOOTING, since=now, reason=None))
    if not view.is_wanted:
        return with_course(rollout, mac, withdrawn(course, now))
    if course.is_drained:
        why = obstacle(rollout, mac, view)
        rollout = with_course(rollout, mac, replace(course, reason=why))
        if now - course.since <= patience.ask:
            return rollout
        said = why or "its update agent does not ask any more"
        return halted(rollout, f"{member.name} is drained, and was not told to reboot: {said}", now)
    outcome = view.outcome(mac, Task.DRAIN)
    if outcome.is_over and outcome.words is None:
        why = obstacle(rollout, mac, view)
        return with_course(rollout, mac, replace(course, is_drained=True, since=now, reason=why))
    if outcome.is_over or now - course.since > patience.drain:
        within = "" if outcome.is_over else f" within {minutes(patience.drain)}"
        return halted(
            rollout, f"{member.name} could not be drained{within}: {outcome.words or 'no pod was let go'}", now
        )
    return with_course(rollout, mac, replace(course, reason=outcome.words))


def _rebooting(rollout: Rollout, mac: Mac, view: View, now: datetime, patience: Patience) -> Rollout:
    course, member, release = rollout.courses[mac], view.members[mac], rollout.release or ""
    if member.word is not None and _is_back(course, member):
        found = member.word.version
        if found == course.from_version:
            return _failed(rollout, mac, view, now, f"came back with {found}: {release} did not boot")
        if is_older(found, release):  # of a release before, which it had fetched already
            return with_course(rollout, mac, withdrawn(course, now))
        if member.version == found:
            return with_course(rollout, mac, replace(course, stage=Stage.SETTLING, since=now, reason=None))
    if now - course.since > patience.reboot:
        return _failed(rollout, mac, view, now, f"did not come back within {minutes(patience.reboot)} after its reboot")
    return rollout


def _settling(rollout: Rollout, mac: Mac, view: View, now: datetime, patience: Patience) -> Rollout:
    course, member, release = rollout.courses[mac], view.members[mac], rollout.release or ""
    if _fell_back(member, release):
        return _failed(rollout, mac, view, now, f"ran {release} and fell back to {member.version}")
    why = is_well(rollout, mac, view)
    if why is None and course.is_marked:
        outcome = view.outcome(mac, Task.TAKE_BACK)
        why = None if outcome.is_over and outcome.words is None else outcome.words or "to be uncordoned"
    if why is None:
        ended = replace(course, stage=Stage.DONE, since=now, reason=None, is_marked=False, is_drained=False)
        return with_course(rollout, mac, ended)
    if now - course.since > patience.settle:
        return _failed(rollout, mac, view, now, f"runs {release}, and is not well: {why}")
    return with_course(rollout, mac, replace(course, reason=why))


def _done(rollout: Rollout, mac: Mac, member: Member, now: datetime) -> Rollout:
    release = rollout.release or ""
    if not _fell_back(member, release):
        return rollout
    reason = f"ran {release} and fell back to {member.version} later"
    return _given_up(rollout, mac, member.name, reason, now)


def _failed(rollout: Rollout, mac: Mac, view: View, now: datetime, reason: str) -> Rollout:
    return _given_up(rollout, mac, view.members[mac].name, reason, now)


def _given_up(rollout: Rollout, mac: Mac, name: str, reason: str, now: datetime) -> Rollout:
    """Return the rollout halted, with a machine that is not offered this release again until the operator says so."""
    course = replace(rollout.courses[mac], stage=Stage.FAILED, since=now, reason=reason, is_drained=False)
    kept = with_course(rollout, mac, course)
    refused = {**rollout.refused, mac: rollout.release or ""}
    return halted(replace(kept, refused=refused), f"{name} {reason}", now)


def _is_back(course: Course, member: Member) -> bool:
    return member.word is not None and course.boot is not None and member.word.boot != course.boot


def _fell_back(member: Member, release: str) -> bool:
    """Return whether both tell of an older release: what the machine said at its boot, and its agent since."""
    return member.word is not None and is_older(member.version, release) and is_older(member.word.version, release)


def _is_down(rollout: Rollout, mac: Mac, member: Member) -> bool:
    """Return whether a machine that should run is not well, and not because of its own turn.

    One on which the cluster counts is also down while it is installed anew, or where that failed.
    """
    if member.away is not None and is_counted(member.roles):
        return True
    course = rollout.courses.get(mac)
    return member.is_part and member.trouble is not None and (course is None or course.stage not in UNDER_WAY)


def _is_ours(rollout: Rollout, mac: Mac) -> bool:
    course = rollout.courses.get(mac)
    return course is not None and course.is_marked


def minutes(duration: timedelta) -> str:
    """Return a duration for people."""
    seconds = round(duration.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
