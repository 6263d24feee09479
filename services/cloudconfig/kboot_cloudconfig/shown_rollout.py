"""The rollout as people and programs are shown it."""

from __future__ import annotations

from kboot_clusterdesc import Node, Phase

from .api import RolloutMachineState, RolloutState
from .event import rfc3339
from .fleet import Fleet
from .pieces import in_pieces
from .rollout import Stage
from .rollout_view import is_older
from .update_history import installed
from .updating_release import updating_release


def rollout_state(fleet: Fleet, *, is_whole: bool = True) -> RolloutState:
    """Return the rollout as it is shown; with each machine where `is_whole`."""
    machines = [_machine_state(fleet, node) for node in fleet.nodes()] if is_whole else []
    return _state(fleet, updating_release(fleet) if is_whole else None, machines)


async def whole_rollout(fleet: Fleet) -> RolloutState:
    """Return the rollout with each machine, while others have their turn."""
    machines = await in_pieces(fleet, lambda node: _machine_state(fleet, node))
    return _state(fleet, updating_release(fleet), machines)


def _state(fleet: Fleet, available: str | None, machines: list[RolloutMachineState]) -> RolloutState:
    rollout, now = fleet.rollouts.rollout, fleet.now()
    hold, update = fleet.rollouts.hold(now), fleet.desc().os.update
    return {
        "state": rollout.state.value,
        "since": rfc3339(rollout.since),
        "release": rollout.release,
        "available": available,
        "reason": rollout.reason,
        "strategy": update.reboot_strategy.value if update.enabled else "off",
        "max_parallel": rollout.max_parallel or update.max_parallel,
        "held_by": hold.by if hold is not None else None,
        "machines": machines,
    }


def _machine_state(fleet: Fleet, node: Node) -> RolloutMachineState:
    rollout, mac = fleet.rollouts.rollout, node.mac
    course, machine = rollout.courses.get(mac), fleet.machine(mac)
    stage = course.stage if course is not None else Stage.WAITING
    release = rollout.release
    if course is None and (release is None or not is_older(machine.version, release)):
        stage = Stage.DONE
    booted, word = machine.phases.get(Phase.RUNNING), fleet.rollouts.words.get(mac)
    return {
        "mac": str(mac),
        "name": node.name,
        "stage": stage.value,
        "since": rfc3339(course.since) if course is not None else None,
        "version": machine.version,
        "booted": rfc3339(booted) if booted is not None else None,
        "reason": course.reason if course is not None else None,
        "refused": rollout.refused.get(mac),
        "installed": installed(fleet.updates.history(mac)),
        "agent": word.state.value if word is not None else None,
        "agent_version": word.version if word is not None else None,
        "boot": word.boot if word is not None else None,
    }
