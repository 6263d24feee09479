"""What a machine is being installed with stays in the store; what it was installed with need not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kboot_cloudconfig.kept_releases import releases_in_use
from kboot_cloudconfig.machine import Machine, declared
from kboot_cloudconfig.rollout import Rollout, State
from kboot_clusterdesc import Mac, Phase

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RELEASE = "3975.2.0"


def in_phase(phase: Phase, since: datetime = NOW) -> Machine:
    return replace(declared(Mac("02:00:00:00:00:01"), NOW), phase=phase, since=since, release=RELEASE)


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED])
def test_the_release_of_a_machine_in_the_middle_of_its_install_stays(phase: Phase) -> None:
    assert releases_in_use([in_phase(phase)], NOW + timedelta(hours=23)) == {RELEASE}


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.INSTALLED, Phase.RUNNING, Phase.READY, Phase.FAILED])
def test_others_keep_none(phase: Phase) -> None:
    assert releases_in_use([in_phase(phase)], NOW) == frozenset()


def test_one_that_was_disarmed_or_has_not_gone_on_for_a_day_keeps_none() -> None:
    booting = in_phase(Phase.BOOTING)
    assert releases_in_use([replace(booting, armed=False)], NOW) == frozenset()
    assert releases_in_use([booting], NOW + timedelta(days=1)) == frozenset()


def test_the_releases_of_all_machines_are_named_once() -> None:
    other = replace(in_phase(Phase.INSTALLING), release="4081.2.0")
    assert releases_in_use([other, other, in_phase(Phase.BOOTING)], NOW) == {RELEASE, "4081.2.0"}


@pytest.mark.parametrize("state", State)
def test_the_release_of_a_rollout_stays_until_that_is_over(state: State) -> None:
    rollout = Rollout(NOW, state, "4152.2.0")
    assert releases_in_use([], NOW, rollout) == (frozenset() if state is State.IDLE else {"4152.2.0"})
    assert releases_in_use([], NOW, Rollout(NOW, state)) == frozenset()
