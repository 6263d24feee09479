"""A boot from disk in the middle of an install: it is over, or the machine says that it is armed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.disk_boot import told_boot
from kboot_cloudconfig.machine import RUNS_ARMED, Machine
from kboot_clusterdesc import Mac, Phase
from kboot_clusterdesc.phase import INSTALLED_SINCE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
HOME = IPv4Address("10.0.0.11")
OLD, NEW = ("ssh-ed25519 old",), ("ssh-ed25519 new",)
FRESH = life.declared(Mac("52:54:00:00:00:01"), NOW)
RAN = told_boot(life.finished_install(FRESH, NOW), "c", "1.0.0", NOW, OLD)


def midway(before: Machine) -> Machine:
    """The machine once it has taken its config."""
    return life.fetched_config(life.fetched_installer(before, "a" * 64, NOW), HOME, NOW)


def booted(machine: Machine, keys: tuple[str, ...] = NEW) -> Machine:
    """The machine after it told of a boot from disk."""
    return told_boot(machine, "c", "2.0.0", LATER, keys)


@pytest.mark.parametrize("before", [FRESH, life.arm(RAN, NOW)], ids=["first", "again"])
def test_a_new_installation_that_runs_ends_the_install(before: Machine) -> None:
    done = booted(midway(before))
    assert (done.phase, done.armed, done.boot, done.reason) == (Phase.RUNNING, False, None, None)
    assert done.ssh_host_keys == NEW


def test_a_machine_that_wrote_on_after_its_config_has_ended_its_install_too() -> None:
    again = life.fetched_installer(midway(FRESH), "b" * 64, NOW)
    assert again.phase is Phase.INSTALLING
    assert not booted(again).armed


def later_steps(machine: Machine) -> dict[Phase, Machine]:
    """What becomes of a machine that took its config, without another install: a network boot, and a failure."""
    again = life.fetched_boot_script(machine, "2.0.0", "b" * 64, NOW)
    return {each.phase: each for each in (again, life.failed(again, "no bootstrapper", NOW))}


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.FAILED])
def test_an_install_whose_end_was_lost_is_over_though_its_machine_went_on_to(phase: Phase) -> None:
    done = booted(later_steps(midway(FRESH))[phase])
    assert (done.phase, done.armed, done.reason) == (Phase.RUNNING, False, None)
    told = booted(later_steps(midway(life.arm(RAN, NOW)))[phase], OLD)
    assert (told.phase, told.armed, told.reason) == (Phase.RUNNING, True, RUNS_ARMED)


def test_the_new_installation_ends_the_install_after_its_machine_ran_the_earlier_system() -> None:
    earlier = booted(midway(life.arm(RAN, NOW)), OLD)
    assert (earlier.armed, booted(earlier, NEW).armed) == (True, False)


@pytest.mark.parametrize("keys", [OLD, ()])
def test_a_machine_that_may_run_its_earlier_system_is_armed_and_says_so(keys: tuple[str, ...]) -> None:
    told = booted(midway(life.arm(RAN, NOW)), keys)
    assert (told.armed, told.reason) == (True, RUNS_ARMED)
    assert life.became_ready(told, LATER).reason == RUNS_ARMED
    assert booted(life.became_ready(told, LATER), keys).reason == RUNS_ARMED, "it says so at its next boot too"
    assert life.disarm(told).reason is None


def test_a_node_that_was_not_ready_for_a_while_says_again_that_it_is_armed() -> None:
    told = booted(midway(life.arm(RAN, NOW)), OLD)
    unready = life.became_unready(life.became_ready(told, LATER), "Kubelet stopped posting node status.", LATER)
    assert unready.reason == "Kubelet stopped posting node status."
    assert life.became_ready(unready, LATER).reason == RUNS_ARMED
    assert booted(unready, OLD).reason == RUNS_ARMED
    kept = life.disarm(unready)
    assert life.became_ready(kept, LATER).reason is None


def test_a_machine_that_told_no_host_keys_before_is_not_taken_for_new() -> None:
    told = booted(midway(life.arm(replace(RAN, ssh_host_keys=()), NOW)))
    assert (told.armed, told.reason) == (True, RUNS_ARMED)


def test_what_a_machine_runs_whose_state_was_lost_is_not_taken_for_new_until_an_install_ended() -> None:
    lost = life.arm(life.declared_in_doubt(FRESH.mac, NOW), NOW)
    told = booted(midway(lost))
    assert (told.armed, told.reason) == (True, RUNS_ARMED)
    assert not life.finished_install(midway(lost), NOW).may_be_installed


@pytest.mark.parametrize("keys", [OLD, (), (*OLD, *NEW)])
def test_a_machine_that_was_armed_and_only_boots_its_disk_stays_armed(keys: tuple[str, ...]) -> None:
    armed = life.arm(RAN, NOW)
    for before in (armed, life.fetched_installer(armed, "a" * 64, NOW), replace(armed, ssh_host_keys=())):
        told = booted(before, keys)
        assert (told.armed, told.reason) == (True, None)


def test_a_machine_that_runs_a_later_installation_than_an_old_copy_of_the_state_knows_is_not_armed_by_it() -> None:
    armed = life.arm(replace(RAN, boot_partition="8b1c5a4e-0000-4000-8000-000000000001"), NOW, (RAN.mac,))
    booting = life.fetched_boot_script(armed, "2.0.0", "b" * 64, NOW)
    installing = life.fetched_installer(booting, "a" * 64, NOW)
    for before in (armed, booting, installing, life.failed(installing, "no disk", NOW)):
        told = booted(before)
        assert (told.phase, told.armed, told.reason) == (Phase.RUNNING, False, INSTALLED_SINCE)
        assert (told.boot, told.token, told.boot_partition) == (None, None, None)  # of the installation before
        assert life.became_ready(told, LATER).reason == INSTALLED_SINCE
        assert life.disarm(told).reason is None, "the operator has seen it"
        again = booted(life.arm(told, LATER))
        assert (again.armed, again.reason) == (True, None), "the operator armed what runs now"


def test_a_machine_that_runs_and_was_declared_alone_was_installed_before_an_old_copy_of_the_state() -> None:
    booting = life.fetched_boot_script(FRESH, "2.0.0", "b" * 64, NOW)
    for before in (FRESH, life.got_lease(FRESH, NOW), booting, life.failed(booting, "not empty", NOW)):
        told = booted(before)
        assert (told.phase, told.armed, told.boot, told.reason) == (Phase.RUNNING, False, None, None)
    assert booted(life.arm(FRESH, NOW, (FRESH.mac,))).armed, "the operator armed it"
