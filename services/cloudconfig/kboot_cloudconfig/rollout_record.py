"""A rollout and a hold as JSON, for the store and for `/v1/rollout`. Pure."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from kboot_clusterdesc import Mac

from .rollout import Course, Rollout, Stage, State
from .rollout_answer import HeldTurn, Hold


def rollout_as_json(rollout: Rollout) -> dict[str, Any]:
    """Return the form in which a rollout is kept."""
    return {
        **asdict(rollout),
        "since": rollout.since.isoformat(),
        "courses": {mac: _course_as_json(course) for mac, course in rollout.courses.items()},
        "refused": dict(rollout.refused),
    }


def rollout_from_json(plain: dict[str, Any]) -> Rollout:
    """Return the rollout that was kept."""
    return Rollout(
        since=datetime.fromisoformat(plain["since"]),
        state=State(plain["state"]),
        release=plain["release"],
        reason=plain["reason"],
        max_parallel=plain["max_parallel"],
        is_any_time=plain["is_any_time"],
        courses={Mac(mac): _course_from_json(course) for mac, course in plain["courses"].items()},
        refused={Mac(mac): release for mac, release in plain["refused"].items()},
    )


def hold_as_json(hold: Hold) -> dict[str, Any]:
    """Return the form in which a hold is kept."""
    return {**asdict(hold), "until": hold.until.isoformat(), "turns": dict(hold.turns)}


def hold_from_json(plain: dict[str, Any]) -> Hold:
    """Return the hold that was kept."""
    turns = {Mac(mac): HeldTurn(turn) for mac, turn in plain["turns"].items()}
    return Hold(plain["by"], plain["key"], datetime.fromisoformat(plain["until"]), plain["release"], turns)


def _course_as_json(course: Course) -> dict[str, Any]:
    error_at = course.error_at.isoformat() if course.error_at else None
    return {**asdict(course), "since": course.since.isoformat(), "error_at": error_at}


def _course_from_json(plain: dict[str, Any]) -> Course:
    return Course(
        stage=Stage(plain["stage"]),
        since=datetime.fromisoformat(plain["since"]),
        reason=plain["reason"],
        from_version=plain["from_version"],
        boot=plain["boot"],
        is_drained=plain["is_drained"],
        is_marked=plain["is_marked"],
        errors=plain["errors"],
        error_at=plain["error_at"] and datetime.fromisoformat(plain["error_at"]),
    )
