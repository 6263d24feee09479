"""A rollout over a rack that is played: its order, what it waits for, where it halts."""

from __future__ import annotations

from dataclasses import replace

from kboot_cloudconfig.rollout import paused, resumed, started
from support.played_rack import NEW, NEWER, OLD, PE, E, P, PlayedRack, W


def test_a_canary_goes_first_then_the_workers_then_control_planes_then_etcd_members() -> None:
    rack = PlayedRack.of(PE, E, W, P, W, W)
    rack.run()
    assert rack.rebooted == ["m2", "m4", "m5", "m0", "m3", "m1"]
    assert set(rack.versions().values()) == {NEW}
    assert (rack.state, rack.rollout.reason) == ("idle", None)


def test_it_begins_by_itself_and_only_where_a_machine_runs_an_older_release() -> None:
    rack = PlayedRack.of(W, W, release=None)
    rack.pass_minute()
    assert rack.state == "idle"
    rack.release = OLD
    rack.pass_minute()
    assert rack.state == "idle"
    rack.release = NEW
    rack.pass_minute()
    assert rack.state == "running"


def test_workers_go_together_once_the_canary_is_well_and_control_planes_never_do() -> None:
    rack = PlayedRack.of(W, W, W, W, P, P, max_parallel=3)
    most: dict[str, int] = {}
    for _ in range(60):
        rack.pass_minute()
        kind = "canary" if not rack.rollout.has_canary else "planes" if len(rack.rebooted) > 4 else "workers"
        down = sum(course.stage not in ("waiting", "done") for course in rack.rollout.courses.values())
        most[kind] = max(most.get(kind, 0), down)
    assert most == {"canary": 1, "workers": 3, "planes": 1}
    assert set(rack.versions().values()) == {NEW}


def test_a_release_that_does_not_boot_halts_after_the_canary_which_is_uncordoned_and_not_offered_it_again() -> None:
    rack = PlayedRack.of(W, W, P).but("m0", falls_back=True)
    rack.run()
    assert rack.state == "halted"
    assert rack.rollout.reason == f"m0 came back with {OLD}: {NEW} did not boot"
    assert (rack.rebooted, rack.stage("m0"), rack.named("m0").is_cordoned) == (["m0"], "failed", False)
    rack.run(30)
    assert rack.rebooted == ["m0"]
    rack.rollout = resumed(rack.rollout, (), rack.now)
    rack.run()
    assert rack.versions() == {"m0": OLD, "m1": NEW, "m2": NEW}
    assert rack.state == "idle"


def test_a_machine_is_tried_again_at_the_operators_word_and_with_another_release() -> None:
    rack = PlayedRack.of(W, W).but("m0", falls_back=True)
    rack.run()
    rack.but("m0", falls_back=False)
    rack.rollout = resumed(rack.rollout, [rack.mac("m0")], rack.now)
    rack.run()
    assert (rack.rebooted, set(rack.versions().values())) == (["m0", "m0", "m1"], {NEW})
    other = PlayedRack.of(W, W).but("m0", falls_back=True)
    other.run()
    other.but("m0", falls_back=False)
    other.release = NEWER
    other.run(20)
    assert other.state == "halted"
    other.rollout = resumed(other.rollout, (), other.now)
    other.run()
    assert set(other.versions().values()) == {NEWER}


def test_a_machine_that_stays_off_halts_and_stays_cordoned_until_it_is_back() -> None:
    rack = PlayedRack.of(W, W).but("m0", stays_off=True)
    rack.run(40)
    assert rack.rollout.reason == "m0 did not come back within 20 min after its reboot"
    assert rack.named("m0").is_cordoned
    rack.but("m0", is_off=False)
    rack.run(5)
    assert not rack.named("m0").is_cordoned
    rack.rollout = resumed(rack.rollout, (), rack.now)
    rack.run()
    assert (rack.rebooted, set(rack.versions().values())) == (["m0", "m1"], {NEW})


def test_a_budget_that_lets_no_pod_go_halts_with_its_words_and_the_node_is_uncordoned() -> None:
    rack = PlayedRack.of(W, W)
    rack.blocked[rack.mac("m0")] = "default/web-0: Cannot evict pod as it would violate the pod's disruption budget."
    rack.run(60)
    assert rack.state == "halted"
    assert rack.rollout.reason == (
        "m0 could not be drained within 30 min: default/web-0: "
        "Cannot evict pod as it would violate the pod's disruption budget."
    )
    assert (rack.rebooted, rack.named("m0").is_cordoned, rack.rollout.refused) == ([], False, {})


def test_who_is_under_way_together_with_a_machine_that_fails_is_recalled_unless_it_was_told_to_reboot() -> None:
    rack = PlayedRack.of(W, W, W, max_parallel=2).but("m1", falls_back=True)
    rack.blocked[rack.mac("m2")] = "default/web-0: waits"
    rack.run(30)
    assert rack.state == "halted"
    assert (rack.stage("m0"), rack.stage("m1"), rack.stage("m2")) == ("done", "failed", "waiting")
    assert not any(machine.is_cordoned for machine in rack.machines.values())
    assert rack.rebooted == ["m0", "m1"]


def test_nobody_begins_while_etcd_is_unwell_or_another_machine_is_down() -> None:
    rack = PlayedRack.of(W, W, PE, trouble="the etcd member m2: does not answer")
    rack.run(5)
    assert (rack.rollout.reason, rack.rollout.courses) == ("the etcd member m2: does not answer", {})
    rack.trouble = None
    rack.but("m1", trouble="its node is not Ready")
    rack.run(5)
    assert rack.rollout.reason == "1 at most may be down at once, and m1 (its node is not Ready) are"
    rack.max_parallel = 2
    rack.but("m1", trouble=None).but("m2", trouble="its node is not Ready")
    rack.run(5)
    assert (rack.rollout.reason, rack.rebooted) == ("m2: its node is not Ready", [])
    rack.but("m2", trouble=None)
    rack.run()
    assert set(rack.versions().values()) == {NEW}


def test_health_that_is_lost_while_a_machine_is_drained_keeps_it_from_its_reboot() -> None:
    rack = PlayedRack.of(W, PE)
    while rack.stage("m0") != "draining":
        rack.pass_minute()
    rack.trouble = "the check https://shop.example.com/healthz answers 503"
    rack.look()
    rack.run(8)
    assert (rack.rebooted, rack.stage("m0")) == ([], "draining")
    rack.trouble = None
    rack.run()
    assert rack.rebooted == ["m0", "m1"]


def test_a_machine_that_is_not_well_with_the_release_halts() -> None:
    rack = PlayedRack.of(W, W)
    while rack.stage("m0") != "rebooting":
        rack.pass_minute()
    rack.trouble = "the check https://shop.example.com/healthz answers 503"
    rack.run(30)
    assert rack.rollout.reason == (
        f"m0 runs {NEW}, and is not well: the check https://shop.example.com/healthz answers 503"
    )
    assert rack.rebooted == ["m0"]


def test_outside_of_the_window_no_machine_begins_and_one_that_was_told_to_reboot_ends() -> None:
    rack = PlayedRack.of(W, W, is_open=False)
    rack.run(5)
    assert (rack.state, rack.rollout.reason) == ("running", "waits for `os.update.window`")
    rack.is_open = True
    while rack.stage("m0") != "rebooting":
        rack.pass_minute()
    rack.is_open = False
    rack.run(10)
    assert (rack.stage("m0"), rack.rebooted) == ("done", ["m0"])
    rack.rollout = started(rack.rollout, NEW, rack.now, is_any_time=True)
    rack.run()
    assert rack.rebooted == ["m0", "m1"]


def test_a_pause_recalls_who_was_not_told_to_reboot_and_lasts_until_the_operator_ends_it() -> None:
    rack = PlayedRack.of(W, W)
    while rack.stage("m0") != "draining":
        rack.pass_minute()
    rack.rollout = paused(rack.rollout, rack.now)
    rack.run(30)
    assert (rack.state, rack.rebooted, rack.named("m0").is_cordoned) == ("paused", [], False)
    rack.release = NEWER
    rack.run(5)
    assert (rack.state, rack.rollout.release) == ("paused", NEWER)
    rack.named("m0").reboot()  # by hand: it had fetched the release before
    rack.rollout = resumed(rack.rollout, (), rack.now)
    rack.run()
    assert set(rack.versions().values()) == {NEWER}


def test_a_newer_release_on_the_way_is_taken_by_all_and_a_machine_with_the_one_before_has_a_second_turn() -> None:
    rack = PlayedRack.of(W, W)
    while not rack.rebooted:
        rack.pass_minute()
    rack.release = NEWER
    rack.run()
    assert rack.rebooted == ["m0", "m0", "m1"]
    assert set(rack.versions().values()) == {NEWER}


def test_a_machine_without_an_agent_is_waited_for_and_named() -> None:
    rack = PlayedRack.of(W, P).but("m0", is_silent=True)
    rack.run(5)
    assert rack.rollout.reason == "m0 has not asked for its turn lately: is its config older (`kboot upgrade`)?"
    assert rack.rebooted == []


def test_an_armed_machine_is_no_part_of_it() -> None:
    rack = PlayedRack.of(W, W).but("m0", is_part=False, trouble="its node is not Ready")
    rack.run()
    assert rack.versions() == {"m0": OLD, "m1": NEW}
    midway = PlayedRack.of(W, W)
    while midway.stage("m0") != "draining":
        midway.pass_minute()
    midway.but("m0", is_part=False)
    midway.look()
    midway.run()
    assert (midway.rebooted, midway.named("m0").is_cordoned) == (["m1"], False)


def test_while_another_work_holds_it_nobody_begins() -> None:
    rack = PlayedRack.of(W, held_by="`kboot upgrade`")
    rack.run(5)
    assert (rack.rollout.reason, rack.rebooted) == ("waits for `kboot upgrade`", [])


def test_a_node_that_an_upgrade_left_midway_is_seen_to_first() -> None:
    rack = PlayedRack.of(W, W).but("m1", is_cordoned=True)
    rack.run(5)
    assert rack.rollout.reason == "`kboot upgrade` began with m1 and did not end: run it again"


def test_without_kubernetes_nothing_is_drained() -> None:
    rack = PlayedRack.of(W, E, has_kubernetes=False)
    for _ in range(20):
        rack.pass_minute()
        assert not any(machine.is_cordoned for machine in rack.machines.values())
    assert rack.rebooted == ["m0", "m1"]


def test_a_machine_that_fell_back_after_it_was_done_halts() -> None:
    rack = PlayedRack.of(W, W, W)
    while rack.stage("m0") != "done":
        rack.pass_minute()
    machine = rack.named("m0")
    rack.machines[rack.mac("m0")] = replace(machine, version=OLD, boots=machine.boots + 1)
    rack.run()
    assert rack.state == "halted"
    assert f"m0 ran {NEW} and fell back to {OLD} later" in (rack.rollout.reason or "")


def test_a_reboot_is_told_again_where_the_answer_was_lost() -> None:
    rack = PlayedRack.of(W)
    while not rack.rebooted:
        rack.pass_minute()
    machine = rack.named("m0")
    lost = replace(machine, version=OLD, boots=machine.boots - 1, fetched=NEW)
    rack.machines[rack.mac("m0")] = lost
    rack.run()
    assert (rack.rebooted, rack.versions()) == (["m0", "m0"], {"m0": NEW})
