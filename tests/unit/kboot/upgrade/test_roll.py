"""The roll over a fleet whose machines answer as a test says: the far side of the edge, not the roll, is made up."""

from __future__ import annotations

from threading import Event, Lock

import pytest

from kboot.errors import ExitCode, KbootError, NotYet
from kboot.upgrade.plan import NodeState, Plan, Work, plan_upgrade
from kboot.upgrade.roll import roll
from kboot_clusterdesc import Role

NEW, OLD = "v1.36.2", "v1.35.4"


class Machines:
    """A fleet that does as it is told; `fails` names the step of the node that does not work."""

    def __init__(
        self, *names: str, fails: str = "", error: KbootError | None = None, stop: Event | None = None
    ) -> None:
        self.marked: set[str] = set()
        self.kubelets = dict.fromkeys(names, OLD)
        self.releases: dict[str, str | None] = {}  # of the OS, where that is to be brought out too
        self.release: str | None = None
        self.told: list[str] = []
        self.most_off = 0
        self.fails = fails
        self._error = error or KbootError("it broke", "mend it")
        self._stop = stop
        self._lock = Lock()

    def plan(self, batch: int = 1) -> Plan:
        """What is left to do; the first node is a control plane."""
        first = next(iter(self.kubelets))
        return plan_upgrade(
            NEW,
            [
                NodeState(
                    name,
                    (Role.CONTROL_PLANE,) if name == first else (Role.WORKER,),
                    kubelet=version,
                    is_ready=True,
                    is_current=version == NEW,
                    is_begun=name in self.marked,
                    os=self.releases.get(name),
                )
                for name, version in self.kubelets.items()
            ],
            batch,
            self.release,
        )

    def begin(self, work: Work) -> None:
        with self._step("begin", work):
            self.marked.add(work.name)
            self.most_off = max(self.most_off, len(self.marked))

    def drain(self, work: Work) -> None:
        with self._step("drain", work):
            assert work.name in self.marked

    def apply(self, work: Work) -> None:
        with self._step("apply", work):
            self.kubelets[work.name] = NEW

    def fetch(self, work: Work) -> None:
        with self._step("fetch", work):
            assert work.name not in self.marked

    def reboot(self, work: Work) -> None:
        with self._step("reboot", work):
            self.releases[work.name] = work.release

    def trouble(self, work: Work) -> str | None:
        with self._lock:
            return "its node is not Ready" if self.fails == f"wait {work.name}" else None

    def end(self, work: Work) -> None:
        with self._step("end", work):
            self.marked.discard(work.name)

    def _step(self, name: str, work: Work) -> Lock:
        step = f"{name} {work.name}"
        with self._lock:
            self.told.append(step)
        if self._stop is not None and step == self.fails:
            self._stop.set()
        elif step == self.fails:
            raise self._error
        return self._lock


def rolled(fleet: Machines, *, batch: int = 1, stop: Event | None = None, said: list[str] | None = None) -> list[str]:
    """Who was done."""
    lines = said if said is not None else []
    return roll(fleet.plan(batch), fleet, lines.append, stop=stop or Event(), timeout_s=0)


def test_each_node_goes_through_its_steps_before_the_next_one() -> None:
    fleet = Machines("c1", "w1")
    assert rolled(fleet) == ["c1", "w1"]
    steps = ("begin", "drain", "apply", "end")
    assert fleet.told == [f"{step} {name}" for name in ("c1", "w1") for step in steps]
    assert rolled(fleet) == []


def test_os_and_config_come_in_one_drain_and_the_release_is_fetched_before_it() -> None:
    fleet = Machines("c1", "w1", "w2")
    fleet.release, fleet.releases = "4230.2.3", {"c1": "4230.2.0", "w1": "4230.2.3", "w2": "4230.2.0"}
    fleet.kubelets["w2"] = NEW
    assert rolled(fleet) == ["c1", "w1", "w2"]
    assert fleet.told == [
        *(f"{step} c1" for step in ("fetch", "begin", "drain", "apply", "reboot", "end")),
        *(f"{step} w1" for step in ("begin", "drain", "apply", "end")),
        *(f"{step} w2" for step in ("fetch", "begin", "drain", "reboot", "end")),
    ]
    assert set(fleet.releases.values()) == {"4230.2.3"}
    assert rolled(fleet) == []


def test_a_machine_that_does_not_come_to_the_release_stops_it_and_is_rebooted_by_the_same_command_later() -> None:
    fleet = Machines("c1", "w1", fails="reboot c1")
    fleet.release, fleet.releases = "4230.2.3", {"c1": "4230.2.0", "w1": "4230.2.0"}
    with pytest.raises(KbootError, match="stopped at c1, step `reboot`"):
        rolled(fleet)
    assert fleet.marked == {"c1"}
    fleet.fails = ""
    fleet.marked.clear()
    assert rolled(fleet) == ["c1", "w1"]


@pytest.mark.parametrize("batch", [1, 2, 3, 9])
def test_never_more_than_a_batch_is_off_at_once(batch: int) -> None:
    fleet = Machines("c1", *(f"w{i}" for i in range(7)))
    rolled(fleet, batch=batch)
    assert fleet.most_off <= batch
    assert set(fleet.kubelets.values()) == {NEW}
    assert not fleet.marked


@pytest.mark.parametrize("step", ["begin", "drain", "apply", "end"])
def test_trouble_stops_it_there_and_the_same_command_goes_on(step: str) -> None:
    fleet = Machines("c1", "w1", "w2", fails=f"{step} w1")
    with pytest.raises(KbootError) as stopped:
        rolled(fleet)
    assert str(stopped.value) == (
        f"stopped at w1, step `{step}`: it broke\n  hint: mend it; `kboot upgrade` goes on from here"
    )
    assert stopped.value.exit_code is ExitCode.FAILED
    assert not any("w2" in each for each in fleet.told)
    fleet.fails, fleet.told = "", []
    assert rolled(fleet) == ["w1", "w2"]
    assert not any("c1" in each for each in fleet.told)
    assert not fleet.marked


def test_a_budget_that_holds_a_node_is_not_yet() -> None:
    fleet = Machines("c1", fails="drain c1", error=NotYet("db-0 may not go", "see to its budget"))
    with pytest.raises(KbootError) as stopped:
        rolled(fleet)
    assert stopped.value.exit_code is ExitCode.NOT_YET


def test_a_node_that_does_not_come_back_stops_it_with_what_it_lacks() -> None:
    fleet = Machines("c1", "w1", fails="wait c1")
    expected = "stopped at c1, step `wait`: not well after 0 s: its node is not Ready"
    with pytest.raises(KbootError, match=expected) as late:
        rolled(fleet)
    assert late.value.exit_code is ExitCode.NOT_YET
    assert fleet.marked == {"c1"}
    fleet.fails = ""
    assert rolled(fleet) == ["c1", "w1"]


def test_the_others_of_a_batch_come_to_their_end_and_the_next_batch_does_not_begin() -> None:
    fleet = Machines("c1", "w1", "w2", "w3", fails="apply w1")
    with pytest.raises(KbootError, match="stopped at w1"):
        rolled(fleet, batch=2)
    assert "end w2" in fleet.told
    assert not any("w3" in each for each in fleet.told)


@pytest.mark.parametrize(("step", "following"), [("begin", "drain"), ("drain", "apply"), ("apply", "wait")])
def test_it_stops_between_two_steps_when_it_is_asked_to(step: str, following: str) -> None:
    stop = Event()
    fleet = Machines("c1", "w1", fails=f"{step} c1", stop=stop)
    with pytest.raises(KbootError) as stopped:
        rolled(fleet, stop=stop)
    assert str(stopped.value).startswith(f"stopped before step `{following}` of c1\n  hint: `kboot upgrade` goes on")
    assert stopped.value.exit_code is ExitCode.INTERRUPTED
    assert fleet.told[-1] == f"{step} c1"
