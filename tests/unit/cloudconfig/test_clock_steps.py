"""A rollout goes on whichever way the clock of the bootstrapper is set under it."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot_cloudconfig.clock_steps import ClockSteps
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.machine import booted_from_disk, finished_install
from kboot_cloudconfig.rollout import Course, Rollout, Stage, State
from kboot_cloudconfig.rollout_answer import HOLD_LASTS, Hold, by_set_clock
from kboot_cloudconfig.rollout_view import AgentState, Word
from kboot_cloudconfig.rollout_watch import RolloutWatch
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import Mac

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC = Mac("52:54:00:00:00:01")
_DESCRIPTION = f"""
apiVersion: kboot/v1
cluster: {{name: unit, domain: unit.example.com}}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.1, 10.10.14.127]}}
os: {{channel: stable, update: {{enabled: true}}}}
nodes:
  - {{mac: "{MAC}", name: node1, roles: [worker]}}
"""


class Clocks:
    """A clock that somebody may set, and one that nobody does."""

    def __init__(self) -> None:
        self.wall, self.steady_s = NOW, 100.0

    def now(self) -> datetime:
        """What the clock on the wall shows."""
        return self.wall

    def steady(self) -> float:
        """The seconds since some time."""
        return self.steady_s

    def pass_by(self, passed: timedelta) -> None:
        """Let time pass."""
        self.wall += passed
        self.steady_s += passed.total_seconds()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def _fleet(folder: Path, clocks: Clocks) -> Fleet:
    """What a server begins with that has its files there."""
    places = {"KBOOT_CONFIG_DIR": str(folder / "config"), "KBOOT_DATA_DIR": str(folder), "KBOOT_UID": str(os.getuid())}
    return Fleet(settings_from(places), clocks.now, steady=clocks.steady)


@pytest.fixture
def fleet(tmp_path: Path, clocks: Clocks) -> Fleet:
    """One machine that was told to reboot for a rollout."""
    for name in ("config", "leases", "images", "nodes"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "clusterdesc.yaml").write_text(_DESCRIPTION)
    made = _fleet(tmp_path, clocks)
    machine = made.machine(MAC)
    made.keep(machine, booted_from_disk(finished_install(machine, NOW), "c", "1.0.0", NOW))
    course = Course(Stage.REBOOTING, NOW, from_version="1.0.0", boot="before")
    made.rollouts.keep(Rollout(NOW, State.RUNNING, "2.0.0", courses={MAC: course}))
    return made


@pytest.mark.parametrize("hours", [3, -3])
def test_a_machine_has_its_time_by_the_clock_that_was_set(fleet: Fleet, clocks: Clocks, hours: int) -> None:
    watch = RolloutWatch(fleet)
    clocks.pass_by(timedelta(seconds=5))
    asyncio.run(watch.look())
    assert fleet.rollouts.rollout.courses[MAC].since == NOW
    fleet.rollouts.words[MAC] = Word(AgentState.IDLE, "1.0.0", "before", clocks.wall)
    clocks.pass_by(timedelta(seconds=5))
    clocks.wall += timedelta(hours=hours)
    asyncio.run(watch.look())
    rollout = fleet.rollouts.rollout
    course = rollout.courses[MAC]
    assert (rollout.state, course.stage, course.since) == (State.RUNNING, Stage.REBOOTING, clocks.wall)
    assert fleet.rollouts.words == {}
    clocks.pass_by(timedelta(minutes=21))
    asyncio.run(watch.look())
    assert fleet.rollouts.rollout.courses[MAC].stage is Stage.FAILED, "it did not come back, by any clock"


@pytest.mark.parametrize("hours", [3, -3])
def test_a_hold_has_the_time_left_that_it_had(fleet: Fleet, clocks: Clocks, hours: int) -> None:
    watch = RolloutWatch(fleet)
    fleet.rollouts.keep_hold(Hold("`kboot upgrade`", "key", clocks.wall + HOLD_LASTS))
    clocks.pass_by(timedelta(minutes=1))
    clocks.wall += timedelta(hours=hours)
    asyncio.run(watch.look())
    clocks.pass_by(timedelta(minutes=3, seconds=59))
    assert fleet.rollouts.hold(clocks.wall) is not None
    clocks.pass_by(timedelta(seconds=1))
    assert fleet.rollouts.hold(clocks.wall) is None


@pytest.mark.parametrize("seconds", [-59, -2, 59])
def test_a_hold_outlives_a_step_of_the_clock_that_is_too_small_to_follow(
    fleet: Fleet, clocks: Clocks, seconds: int
) -> None:
    watch = RolloutWatch(fleet)
    fleet.rollouts.keep_hold(Hold("`kboot upgrade`", "key", clocks.wall + HOLD_LASTS))
    clocks.wall += timedelta(seconds=seconds)
    asyncio.run(watch.look())
    assert fleet.rollouts.hold(clocks.wall) is not None
    clocks.pass_by(HOLD_LASTS - timedelta(seconds=seconds))
    assert fleet.rollouts.hold(clocks.wall) is None


def test_a_hold_that_ends_later_than_any_was_told_to_is_over(tmp_path: Path, fleet: Fleet, clocks: Clocks) -> None:
    fleet.rollouts.keep_hold(Hold("`kboot upgrade`", "key", clocks.wall + HOLD_LASTS))
    fleet.store.close()
    begun = _fleet(tmp_path, clocks)
    assert begun.rollouts.hold(clocks.wall) is not None
    begun.store.close()
    clocks.wall -= timedelta(hours=3)  # while the server was off
    assert _fleet(tmp_path, clocks).rollouts.hold(clocks.wall) is None


@pytest.mark.parametrize(
    "step", [timedelta(hours=3), timedelta(hours=-3), timedelta(seconds=61), timedelta(minutes=-7)]
)
def test_a_hold_stands_between_a_step_of_the_clock_and_the_next_look(
    fleet: Fleet, clocks: Clocks, step: timedelta
) -> None:
    fleet.rollouts.keep_hold(Hold("`kboot upgrade`", "key", clocks.wall + HOLD_LASTS))
    clocks.pass_by(timedelta(minutes=1))
    clocks.wall += step
    assert fleet.rollouts.hold(clocks.wall) is not None
    told = Hold("`kboot upgrade`", "key", clocks.wall + HOLD_LASTS)  # once more, before that look too
    fleet.rollouts.keep_hold(told)
    assert fleet.rollouts.hold(clocks.wall) == told
    asyncio.run(RolloutWatch(fleet).look())
    clocks.pass_by(HOLD_LASTS)
    assert fleet.rollouts.hold(clocks.wall) is None


@pytest.mark.parametrize("by", [timedelta(hours=3), timedelta(hours=-3), timedelta(minutes=-2)])
def test_a_hold_that_was_told_since_the_clock_was_set_stays_as_it_is(by: timedelta) -> None:
    hold = Hold("`kboot upgrade`", "key", NOW + HOLD_LASTS)
    assert by_set_clock(hold, NOW, by) == hold


def test_time_that_passes_by_both_clocks_sets_none() -> None:
    clock = ClockSteps(NOW, 0)
    assert clock.since_last(NOW + timedelta(hours=9), 9 * 3600) is None
    assert clock.since_last(NOW + timedelta(hours=9, seconds=59), 9 * 3600) is None
    assert clock.since_last(NOW + timedelta(hours=8), 9 * 3600) == timedelta(hours=-1, seconds=-59)
