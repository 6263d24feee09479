"""A rack as a rollout sees it, played without a process: machines that fetch, are drained, reboot, fall back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kboot_cloudconfig.rollout import Rollout, Stage, State, told_to_reboot
from kboot_cloudconfig.rollout_answer import Action, Rules, action_for, offered_release
from kboot_cloudconfig.rollout_record import rollout_as_json, rollout_from_json
from kboot_cloudconfig.rollout_step import step, tasks
from kboot_cloudconfig.rollout_view import AgentState, Member, Outcome, Task, View, Word
from kboot_clusterdesc import Mac, Role
from kboot_clusterdesc.model import RebootStrategy

OLD, NEW, NEWER = "4230.2.0", "4230.2.3", "4300.0.0"
BEGIN = datetime(2026, 1, 1, 3, tzinfo=UTC)
W, P, E, PE = (Role.WORKER,), (Role.CONTROL_PLANE,), (Role.ETCD,), (Role.CONTROL_PLANE, Role.ETCD)


@dataclass
class PlayedMachine:
    """A machine: what its disk holds, and whether it is up."""

    name: str
    roles: tuple[Role, ...]
    version: str = OLD
    fetched: str | None = None  # in its other partition
    boots: int = 0
    is_part: bool = True
    is_off: bool = False
    trouble: str | None = None
    away: str | None = None
    error: tuple[datetime, str] | None = None
    unoffered: tuple[datetime, str] | None = None
    is_cordoned: bool = False
    falls_back: bool = False  # the next release that it boots into does not boot
    stays_off: bool = False  # it never comes back from its next reboot
    is_silent: bool = False  # it has no update agent
    has_older_agent: bool = False  # one that does not know the word `reset`
    word: Word | None = None

    @property
    def boot(self) -> str:
        """The id of this boot."""
        return f"{self.name}-{self.boots}"

    def reboot(self) -> None:
        """Boot into what was fetched, unless that does not boot."""
        self.boots += 1
        self.is_off = self.stays_off
        if not self.falls_back:
            self.version = self.fetched or self.version
        self.fetched = None


@dataclass
class PlayedRack:
    """Machines, the release in force, and the rollout over them."""

    machines: dict[Mac, PlayedMachine]
    release: str | None = NEW
    now: datetime = BEGIN
    rollout: Rollout = field(default_factory=lambda: Rollout(since=BEGIN))
    is_open: bool = True
    is_wanted: bool = True
    held_by: str | None = None
    trouble: str | None = None
    has_kubernetes: bool = True
    max_parallel: int = 1
    blocked: dict[Mac, str] = field(default_factory=dict)  # whose pods are not let go
    outcomes: dict[Mac, Outcome] = field(default_factory=dict)
    rebooted: list[str] = field(default_factory=list)  # who was told to, in order

    @classmethod
    def of(cls, *roles: tuple[Role, ...], **more: Any) -> PlayedRack:
        """A rack of so many machines, m0, m1 and so on."""
        found = {Mac(f"02:00:00:00:00:{i:02x}"): PlayedMachine(f"m{i}", each) for i, each in enumerate(roles)}
        return cls(found, **more)

    def named(self, name: str) -> PlayedMachine:
        """The machine of that name."""
        return next(each for each in self.machines.values() if each.name == name)

    def mac(self, name: str) -> Mac:
        """The MAC of the machine of that name."""
        return next(mac for mac, each in self.machines.items() if each.name == name)

    @property
    def state(self) -> str:
        """What the rollout does."""
        return self.rollout.state.value

    def stage(self, name: str) -> str | None:
        """How far the machine is."""
        course = self.rollout.courses.get(self.mac(name))
        return course.stage.value if course else None

    @property
    def view(self) -> View:
        """What the rollout sees now."""
        return View(
            members={mac: self._member(each) for mac, each in self.machines.items()},
            release=self.release,
            is_wanted=self.is_wanted,
            is_open=self.is_open,
            held_by=self.held_by,
            trouble=self.trouble,
            has_kubernetes=self.has_kubernetes,
            max_parallel=self.max_parallel,
            outcomes=self.outcomes,
        )

    def _member(self, machine: PlayedMachine) -> Member:
        return Member(
            machine.name,
            machine.roles,
            machine.word.version if machine.word else machine.version,
            machine.is_part,
            "does not answer" if machine.is_off else machine.trouble,
            machine.word,
            machine.error,
            machine.is_cordoned,
            machine.boot if machine.word and not machine.is_off and self.has_kubernetes else None,
            machine.fetched,
            machine.away,
            machine.unoffered,
        )

    def look(self) -> None:
        """One step; a server that begins with what was kept would take the same."""
        kept = rollout_from_json(json.loads(json.dumps(rollout_as_json(self.rollout))))
        assert kept == self.rollout
        view = self.view
        self.rollout = step(self.rollout, view, self.now)
        assert step(kept, view, self.now) == self.rollout

    def work(self) -> None:
        """Do what is to be done on nodes."""
        wanted = tasks(self.rollout, self.view)
        self.outcomes = {mac: each for mac, each in self.outcomes.items() if wanted.get(mac) is each.task}
        for mac, task in wanted.items():
            machine = self.machines[mac]
            machine.is_cordoned = task is Task.DRAIN
            words = self.blocked.get(mac) if task is Task.DRAIN else None
            self.outcomes[mac] = Outcome(task, is_over=words is None, words=words)

    def ask(self, mac: Mac) -> Action:
        """The machine's agent says how it is, and does what it is told."""
        machine = self.machines[mac]
        if machine.is_off or machine.is_silent:
            return Action.WAIT
        state = AgentState.NEEDS_REBOOT if machine.fetched else AgentState.IDLE
        machine.word = Word(state, machine.version, machine.boot, self.now)
        rules = Rules(RebootStrategy.ROLLOUT, self.is_open)
        action = action_for(rules, self.rollout, None, mac, machine.word, machine.fetched)
        if action is Action.RESET and not machine.has_older_agent:
            machine.fetched, action = None, Action.CHECK  # its client looks for a release at once
        if action is Action.CHECK and (release := offered_release(self.rollout, None, mac)) is not None:
            machine.fetched = release
        if action is Action.REBOOT:
            if self.rollout.courses[mac].stage is not Stage.REBOOTING:
                self.rollout = told_to_reboot(self.rollout, mac, self.now)
            self.rebooted.append(machine.name)
            machine.reboot()
        return action

    def pass_minute(self) -> None:
        """A minute in the life of all: everybody asks, and the rollout looks after each."""
        self.now += timedelta(minutes=1)
        for mac in self.machines:
            self.ask(mac)
            self.look()
            self.work()

    def run(self, most: int = 300) -> None:
        """Let minutes pass until the rollout does not go on, or is over."""
        for _ in range(most):
            self.pass_minute()
            if self.rollout.state is not State.RUNNING and not any(each.is_cordoned for each in self.up()):
                return

    def up(self) -> list[PlayedMachine]:
        """The machines that are not off."""
        return [each for each in self.machines.values() if not each.is_off]

    def versions(self) -> dict[str, str]:
        """What each machine runs."""
        return {each.name: each.version for each in self.machines.values()}

    def but(self, name: str, **changes: Any) -> PlayedRack:
        """The same rack with one machine otherwise."""
        self.machines[self.mac(name)] = replace(self.named(name), **changes)
        return self
