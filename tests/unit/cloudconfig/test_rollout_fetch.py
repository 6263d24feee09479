"""What a machine of a rollout fetches: the release in place of another one, or nothing, whoever says what failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kboot_cloudconfig.rollout import State, resumed
from kboot_cloudconfig.rollout_answer import Action
from kboot_cloudconfig.rollout_step import step
from kboot_cloudconfig.rollout_view import AgentState, Word
from support.played_rack import NEW, NEWER, OLD, PlayedRack, W


def test_a_machine_that_fetched_an_older_release_before_fetches_the_one_of_the_rollout_in_its_place() -> None:
    rack = PlayedRack.of(W, W, release=NEWER).but("m0", fetched=NEW).but("m1", fetched=NEW)
    while not rack.rebooted:
        rack.pass_minute()
        assert NEW not in rack.versions().values()
        assert rack.named("m1").fetched == NEW, "told to drop it though it was not its turn"
    rack.run()
    assert (rack.rebooted, rack.versions()) == (["m0", "m1"], {"m0": NEWER, "m1": NEWER})


def test_an_agent_that_cannot_fetch_another_release_is_not_told_to_reboot_into_the_one_before() -> None:
    rack = PlayedRack.of(W, release=NEWER).but("m0", fetched=NEW, has_older_agent=True)
    rack.run(10)
    why = f"{NEW} waits for its reboot, and is told to fetch {NEWER} in its place"
    assert (rack.rebooted, rack.rollout.courses[rack.mac("m0")].reason) == ([], why)
    rack.run(60)
    assert rack.rollout.reason == f"m0 did not fetch {NEWER} within 60 min: {why}"
    rack.named("m0").reboot()
    rack.rollout = resumed(rack.rollout, [rack.mac("m0")], rack.now)
    rack.run()
    assert (rack.rebooted, rack.versions()) == (["m0"], {"m0": NEWER})


def test_an_update_client_that_fails_three_times_halts_with_its_words() -> None:
    rack = PlayedRack.of(W, W)
    rack.pass_minute()
    for _ in range(3):
        assert rack.state == "running"
        rack.now += timedelta(minutes=1)
        rack.but("m0", fetched=None, error=(rack.now, "the payload is not signed by the image's key"))
        assert rack.ask(rack.mac("m0")) is Action.CHECK
        rack.look()
    assert rack.rebooted == []
    assert rack.rollout.reason == f"m0 failed 3 times to fetch {NEW}: the payload is not signed by the image's key"


def test_a_machine_that_is_offered_nothing_in_its_turn_halts_with_what_its_check_was_answered() -> None:
    rack = PlayedRack.of(W, W)
    rack.pass_minute()
    course, why = rack.rollout.courses[rack.mac("m0")], "its board is `arm64-usr`, and the cluster's `amd64-usr`"
    halts = f"m0 did not fetch {NEW} within 60 min"
    for at, told in (
        (course.since - timedelta(hours=1), ""),
        (course.since, f": at its last check it was offered nothing: {why}"),
    ):
        rack.but("m0", fetched=None, unoffered=(at, why))
        over = step(rack.rollout, rack.view, course.since + timedelta(minutes=61))
        assert (over.state, over.reason) == (State.HALTED, f"{halts}{told}")


@pytest.mark.parametrize("state", [AgentState.UPDATING, AgentState.NEEDS_REBOOT])
def test_failures_that_others_tell_in_the_name_of_a_machine_that_fetches_halt_nothing(state: AgentState) -> None:
    rack = PlayedRack.of(W, W)
    rack.pass_minute()
    for _ in range(20):
        rack.now += timedelta(seconds=5)
        said = Word(state, OLD, rack.named("m0").boot, rack.now)
        rack.but("m0", error=(rack.now, "the payload is not signed by the image's key"), word=said)
        rack.look()
    assert (rack.state, rack.rollout.courses[rack.mac("m0")].errors) == ("running", 0)
    rack.run()
    assert set(rack.versions().values()) == {NEW}


def test_of_failures_that_others_tell_one_at_most_counts_for_each_word_of_the_machine_itself() -> None:
    rack = PlayedRack.of(W)
    rack.pass_minute()
    rack.but("m0", fetched=None)
    for _ in range(50):
        rack.now += timedelta(seconds=1)
        rack.but("m0", error=(rack.now, "forged"))
        rack.look()
    assert rack.rollout.courses[rack.mac("m0")].errors == 0
    rack.ask(rack.mac("m0"))
    rack.look()
    rack.look()
    assert rack.rollout.courses[rack.mac("m0")].errors == 1
