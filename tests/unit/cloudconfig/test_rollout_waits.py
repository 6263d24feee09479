"""Who is kept up in a rollout over a rack that is played: by others, by other work, by a server that was off."""

from __future__ import annotations

from _collections_abc import dict_items
from dataclasses import replace
from datetime import timedelta

import pytest

from kboot_cloudconfig.rollout import started, taken_up
from kboot_cloudconfig.rollout_answer import Action, HeldTurn, Hold, Rules, action_for
from kboot_cloudconfig.rollout_step import step
from kboot_cloudconfig.rollout_view import AgentState, Member, Word
from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy
from support.played_rack import NEW, NEWER, OLD, E, P, PlayedRack, W


@pytest.mark.parametrize("stage", ["offered", "draining", "rebooting", "settling"])
def test_a_server_that_was_off_for_a_day_midway_fails_no_machine_for_that(stage: str) -> None:
    rack = PlayedRack.of(W, W)
    while rack.stage("m0") != stage:
        rack.now += timedelta(seconds=10)
        rack.ask(rack.mac("m0"))
        rack.look()
        if rack.stage("m0") != stage:
            rack.work()
    rack.now += timedelta(days=1)
    rack.rollout = taken_up(rack.rollout, rack.now)
    rack.look()
    assert (rack.state, rack.rollout.reason) == ("running", None)
    rack.run()
    assert (rack.rebooted, set(rack.versions().values())) == (["m0", "m1"], {NEW})


def test_a_drained_machine_is_told_to_reboot_only_once_a_server_that_began_anew_has_looked() -> None:
    rack = PlayedRack.of(W)
    while rack.stage("m0") != "draining" or not rack.rollout.courses[rack.mac("m0")].is_drained:
        rack.now += timedelta(seconds=10)
        if rack.stage("m0") != "draining":
            rack.ask(rack.mac("m0"))
        rack.look()
        rack.work()
    rack.rollout = taken_up(rack.rollout, rack.now)
    assert rack.ask(rack.mac("m0")) is Action.WAIT
    rack.look()
    assert rack.ask(rack.mac("m0")) is Action.REBOOT


def test_two_that_were_offered_the_release_do_not_wait_for_each_other_once_fewer_may_be_down() -> None:
    rack = PlayedRack.of(W, W, W, max_parallel=2)
    while rack.stage("m1") != "offered" or rack.stage("m2") != "offered":
        rack.now += timedelta(seconds=10)
        rack.ask(rack.mac("m0"))
        if rack.stage("m0") == "done":
            for name in ("m1", "m2"):
                rack.ask(rack.mac(name))
        rack.look()
        rack.work()
    rack.max_parallel = 1
    rack.run()
    assert (rack.rebooted, rack.state) == (["m0", "m1", "m2"], "idle")


def _two_drained(rack: PlayedRack) -> None:
    """Let both workers after the canary be drained, before either asks whether it may reboot."""
    for _ in range(100):
        rack.now += timedelta(seconds=10)
        for mac, machine in rack.machines.items():
            if machine.name == "m0" or rack.stage(machine.name) != "draining":
                rack.ask(mac)
        rack.look()
        rack.work()
        if {each.name for each in rack.machines.values() if each.is_cordoned} == {"m1", "m2"}:
            rack.look()  # that they are drained
            return
    raise AssertionError(rack)


def test_of_two_that_are_drained_together_one_is_uncordoned_once_one_alone_may_be_down() -> None:
    rack = PlayedRack.of(W, W, W, max_parallel=2)
    _two_drained(rack)
    rack.max_parallel = 1
    rack.look()
    assert (rack.stage("m1"), rack.stage("m2")) == ("draining", "offered")
    rack.work()
    assert (rack.named("m1").is_cordoned, rack.named("m2").is_cordoned) == (True, False)
    rack.run()
    assert (rack.rebooted, rack.state, set(rack.versions().values())) == (["m0", "m1", "m2"], "idle", {NEW})


def test_one_that_was_told_to_reboot_keeps_the_other_up_once_one_alone_may_be_down() -> None:
    rack = PlayedRack.of(W, W, W, max_parallel=2)
    _two_drained(rack)
    assert rack.ask(rack.mac("m2")) is Action.REBOOT
    rack.max_parallel = 1
    rack.look()
    rack.work()
    assert rack.ask(rack.mac("m1")) is Action.WAIT
    assert (rack.stage("m1"), rack.stage("m2"), rack.named("m1").is_cordoned) == ("offered", "rebooting", False)
    rack.run()
    assert (rack.rebooted, rack.state) == (["m0", "m2", "m1"], "idle")


def test_a_rollout_that_is_begun_anew_with_a_newer_release_reboots_nobody_into_the_one_before() -> None:
    rack = PlayedRack.of(W, W)
    while rack.stage("m0") != "draining":
        rack.pass_minute()
    rack.release = NEWER
    rack.rollout = started(rack.rollout, NEWER, rack.now)
    assert rack.ask(rack.mac("m0")) is not Action.REBOOT
    rack.look()
    rack.work()
    assert not rack.named("m0").is_cordoned


class CountedMembers(dict[Mac, Member]):
    """Members that count how often all of them are gone through."""

    times = 0

    def items(self) -> dict_items[Mac, Member]:
        """Go through all."""
        self.times += 1
        return super().items()


def test_what_stands_in_the_way_of_a_group_is_looked_for_once_and_not_for_each_of_its_machines() -> None:
    counted = []
    for size in (4, 200):
        rack = PlayedRack.of(*[W] * size).but("m1", trouble="its node is not Ready")
        for mac in rack.machines:
            rack.ask(mac)
        members = CountedMembers(rack.view.members)
        step(rack.rollout, replace(rack.view, members=members), rack.now)
        counted.append(members.times)
    assert counted[0] == counted[1]


def test_a_control_plane_or_etcd_member_that_is_installed_anew_keeps_all_others_up() -> None:
    for roles in (P, E):
        rack = PlayedRack.of(W, roles, max_parallel=2).but("m1", is_part=False, away="it is to be installed")
        rack.run(5)
        assert (rack.rollout.reason, rack.rebooted) == ("m1: it is to be installed", [])
        rack.but("m1", is_part=True, away=None)
        rack.run()
        assert rack.rebooted == ["m0", "m1"]
    worker = PlayedRack.of(W, W).but("m1", is_part=False, away="it is to be installed")
    worker.run()
    assert worker.rebooted == ["m0"]


def test_a_machine_that_is_unwell_at_the_end_is_waited_for_and_the_operators_word_is_kept() -> None:
    rack = PlayedRack.of(W, W, is_open=False)
    rack.rollout = started(rack.rollout, NEW, rack.now, is_any_time=True)
    while rack.stage("m0") != "done":
        rack.pass_minute()
        if rack.stage("m0") in ("rebooting", "settling"):
            rack.but("m1", trouble="its node is not Ready")
    rack.run(5)
    assert (rack.state, rack.rollout.reason) == ("running", "waits for m1: its node is not Ready")
    rack.but("m1", trouble=None)
    rack.run()
    assert (rack.state, rack.rebooted, set(rack.versions().values())) == ("idle", ["m0", "m1"], {NEW})


def test_a_machine_that_is_unwell_begins_no_rollout() -> None:
    rack = PlayedRack.of(W).but("m0", trouble="its node is not Ready")
    rack.run(5)
    assert rack.state == "idle"


def test_machines_that_each_go_alone_wait_as_well_while_another_work_holds_them() -> None:
    rack, rules = PlayedRack.of(W), Rules(RebootStrategy.REBOOT, is_open=True)
    mac, word = rack.mac("m0"), Word(AgentState.NEEDS_REBOOT, OLD, "m0-0", rack.now)
    hold = Hold("`kboot upgrade`", "key", rack.now)
    assert action_for(rules, rack.rollout, None, mac, word, NEW) is Action.REBOOT
    assert action_for(rules, rack.rollout, hold, mac, word, NEW) is Action.WAIT
    own = replace(hold, turns={mac: HeldTurn.REBOOT})
    assert action_for(rules, rack.rollout, own, mac, word, NEW) is Action.REBOOT


def test_a_machine_whose_turn_another_work_gives_drops_what_is_not_the_release_and_nothing_else() -> None:
    rack, rules = PlayedRack.of(W), Rules(RebootStrategy.ROLLOUT, is_open=True)
    mac, word = rack.mac("m0"), Word(AgentState.NEEDS_REBOOT, OLD, "m0-0", rack.now)
    hold = Hold("`kboot upgrade`", "key", rack.now, NEWER, {mac: HeldTurn.FETCH})
    assert action_for(rules, rack.rollout, hold, mac, word, NEW) is Action.RESET
    assert action_for(rules, rack.rollout, hold, mac, word, None) is Action.RESET
    assert action_for(rules, rack.rollout, hold, mac, word, NEWER) is Action.WAIT
    assert action_for(rules, rack.rollout, replace(hold, turns={}), mac, word, NEW) is Action.WAIT
    idle = replace(word, state=AgentState.IDLE)
    assert action_for(rules, rack.rollout, hold, mac, idle, NEW) is Action.CHECK
