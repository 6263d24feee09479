"""Takes the steps of a rollout, for ever: looks, decides, keeps, and has done on nodes what is to be done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from kboot_clusterdesc import EventKind, Mac
from kboot_clusterdesc.model import Timing

from .fleet import Fleet
from .kubernetes_calls import ApiCalls
from .log import LogLevel, log
from .node_tasks import NodeTasks
from .overdue import SLOW
from .problem import ProblemError
from .rollout import UNDER_WAY, Rollout, Stage, State
from .rollout_sight import cluster_trouble, seen
from .rollout_step import step, tasks
from .rollout_view import Task, is_older
from .updating_release import updating_release

_RETRY_S = 5.0  # as kubectl drain does


class RolloutWatch:
    """The loop that moves the one rollout of the cluster."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        every_s = min(_RETRY_S, fleet.settings.rollout_every_s)
        self._tasks = NodeTasks(ApiCalls(self._addresses, fleet.settings.tls), every_s, self._note_task)

    async def watch(self) -> None:
        """Look for ever; what is under way on nodes ends with this."""
        try:
            while True:
                try:
                    await self.look()
                except ProblemError:
                    pass  # no description yet, which the fleet's own watch tells
                except Exception as error:  # the border of a background job: it must outlive a bad moment
                    log("rollout-watch-failed", problem=repr(error))
                await asyncio.sleep(self._fleet.settings.rollout_every_s)
        finally:
            await self._tasks.end()

    async def look(self) -> None:
        """Take the steps that are to be taken now, where there can be any."""
        fleet = self._fleet
        self._now()
        factor = SLOW if fleet.desc().timing is Timing.SLOW else 1
        patience = fleet.settings.patience.times(factor)
        if not has_work(fleet):
            return
        index = fleet.index()
        view = await seen(fleet, self._tasks.outcomes)
        is_busy = bool(fleet.rollouts.rollout.at(*UNDER_WAY))
        now = self._now()
        if is_busy or step(fleet.rollouts.rollout, view, now, patience).state is State.RUNNING:
            trouble = await cluster_trouble(fleet)
            view = await seen(fleet, self._tasks.outcomes, trouble)  # much may have changed meanwhile
        now = self._now()  # much time may have passed
        if fleet.index() is not index:
            return  # a machine under way may be known by another MAC by now, which was not looked at
        before = fleet.rollouts.rollout
        after = step(before, view, now, patience)
        made = fleet.store.commits.made
        fleet.rollouts.keep(after)
        for mac, detail in told(before, after):
            fleet.tell(EventKind.ROLLOUT, mac, None, **detail)
        await fleet.store.commits.kept(made)  # a machine is taken down for what is kept alone
        names = {mac: member.name for mac, member in view.members.items()}
        self._tasks.want(tasks(fleet.rollouts.rollout, view), names)

    def _now(self) -> datetime:
        """Return the time; where the clock was set, the rollout is first taken up by it."""
        fleet, now = self._fleet, self._fleet.now()
        if (by := fleet.rollouts.follow_clock(now)) is not None:
            log("clock-was-set", LogLevel.WARNING, by_s=round(by.total_seconds()), rollout="taken up anew")
        return now

    def _addresses(self) -> list[str]:
        """Return where API servers are asked, those first that are not about to reboot."""
        fleet = self._fleet
        down = set(fleet.rollouts.rollout.at(*UNDER_WAY))
        planes = sorted(fleet.desc().control_planes, key=lambda node: node.mac in down)
        return [str(address) for node in planes if (address := fleet.address_of(node)) is not None]

    def _note_task(self, name: str, task: Task) -> None:
        """Note at once what the next look at the API server would tell of the node."""
        known = self._fleet.kubernetes.nodes.get(name)
        if known is not None and task is not Task.DRAIN:
            nodes = {**self._fleet.kubernetes.nodes, name: replace(known, is_marked=False, is_cordoned=False)}
            self._fleet.kubernetes = replace(self._fleet.kubernetes, nodes=nodes)


def has_work(fleet: Fleet) -> bool:
    """Return whether a rollout could do anything now; while all is up to date, no machine has to be looked at."""
    rollout = fleet.rollouts.rollout
    is_through = all(course.stage is Stage.DONE and not course.is_marked for course in rollout.courses.values())
    if rollout.state is not State.IDLE or not is_through:
        return True
    releases = [release for release in (rollout.release, updating_release(fleet)) if release is not None]
    if not releases:
        return False
    versions = {fleet.machine(node.mac).version for node in fleet.nodes()}
    return any(is_older(version, release) for version in versions for release in releases)


def told(before: Rollout, after: Rollout) -> Iterator[tuple[Mac | None, dict[str, str]]]:
    """Yield the events of a step: of which machine, or of the rollout as a whole, and what they tell."""
    release = after.release or ""
    has_turned = after.state is not before.state or after.release != before.release
    of_all = None, {"release": release, "what": after.state.value, "detail": after.reason or ""}
    if has_turned and after.state is State.RUNNING:
        yield of_all
    for mac, course in after.courses.items():
        stage = before.courses[mac].stage if mac in before.courses else Stage.WAITING
        if course.stage is not stage:
            yield mac, {"release": release, "what": course.stage.value, "detail": course.reason or ""}
    if has_turned and after.state is not State.RUNNING:
        yield of_all
