"""Who is offered a release, and why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.machine import Machine
from kboot_cloudconfig.omaha_request import App
from kboot_cloudconfig.update_offer import Nothing, Turn, offer
from kboot_clusterdesc import Mac, Phase
from kboot_clusterdesc.model import Os, Update
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OS = Os()
APP = App("{E96281A6-d1af-4bde-9a0a-97b76e56dc57}", "4230.2.0", "stable", "amd64-usr", checks=True)
MACHINE = Machine(Mac("52:54:00:00:00:01"), NOW, Phase.RUNNING, armed=False)
TURN = Turn("4230.2.3")


def whole(version: str) -> UpdatePayload:
    """The payload of a release that is here."""
    return UpdatePayload(version, (PayloadFile("flatcar_production_update.gz", 1, "", ""),))


def test_a_machine_that_runs_an_older_release_is_offered_the_one_whose_turn_it_is() -> None:
    assert offer(APP, OS, MACHINE, TURN, whole) == whole("4230.2.3")


def test_a_client_that_names_no_board_and_no_track_is_one_of_ours() -> None:
    assert offer(replace(APP, board="", track=""), OS, MACHINE, TURN, whole) == whole("4230.2.3")


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        (replace(APP, app_id="{00}"), "it asks for the app `{00}`, which is not the OS"),
        (replace(APP, board="arm64-usr"), "its board is `arm64-usr`, and the cluster's `amd64-usr`"),
        (replace(APP, track="beta"), "it follows the channel `beta`, and the cluster `stable`"),
        (replace(APP, version="nightly"), "its version `nightly` is no number of a release"),
        (replace(APP, version=""), "its version `` is no number of a release"),
    ],
)
def test_what_is_not_of_this_cluster_is_offered_nothing_and_is_odd(app: App, reason: str) -> None:
    assert offer(app, OS, MACHINE, TURN, whole) == Nothing(reason, is_odd=True)


def test_a_machine_that_was_given_its_turn_is_offered_the_release_whatever_channel_it_follows() -> None:
    given = Turn("4230.2.3", is_given=True)
    assert offer(replace(APP, track="beta"), OS, MACHINE, given, whole) == whole("4230.2.3")
    arm = offer(replace(APP, track="beta", board="arm64-usr"), OS, MACHINE, given, whole)
    assert arm == Nothing("its board is `arm64-usr`, and the cluster's `amd64-usr`", is_odd=True)


@pytest.mark.parametrize(
    ("app", "turn", "reason"),
    [
        (replace(APP, version="4230.2.3"), TURN, "it runs 4230.2.3"),
        (replace(APP, version="4230.2.3+build"), TURN, "it runs 4230.2.3+build"),
        (replace(APP, version="4231.0.0"), TURN, "it runs 4231.0.0, newer than 4230.2.3"),
        (APP, Turn(None, "the rollout is paused"), "the rollout is paused"),
        (APP, Turn("next"), "`next` is no number of a release"),
    ],
)
def test_who_is_current_ahead_or_not_at_its_turn_is_offered_nothing(app: App, turn: Turn, reason: str) -> None:
    assert offer(app, OS, MACHINE, turn, whole) == Nothing(reason)


def test_a_release_whose_payload_is_not_whole_is_not_offered() -> None:
    reason = "the update payload of 4230.2.3 is not here, or not whole"
    assert offer(APP, OS, MACHINE, TURN, lambda version: None) == Nothing(reason)


def test_an_address_that_is_no_nodes_is_offered_nothing() -> None:
    assert offer(APP, OS, None, TURN, whole) == Nothing("it is no node, or not at its own address", is_odd=True)


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED])
def test_a_machine_that_installs_or_is_about_to_is_offered_nothing(phase: Phase) -> None:
    installs, armed = replace(MACHINE, phase=phase), replace(MACHINE, armed=True)
    for machine in (installs, armed):
        assert offer(APP, OS, machine, TURN, whole) == Nothing("it is about to be installed")


def test_with_updates_off_nobody_is_offered_anything() -> None:
    off = Os(update=Update(enabled=False))
    assert offer(APP, off, MACHINE, TURN, whole) == Nothing("os.update.enabled is false")


_RELEASES = st.tuples(*[st.integers(0, 12)] * 3).map(lambda numbers: ".".join(map(str, numbers)))


@given(_RELEASES, _RELEASES)
def test_no_machine_is_ever_offered_what_it_runs_or_what_is_older(runs: str, wanted: str) -> None:
    offered = offer(replace(APP, version=runs), OS, MACHINE, Turn(wanted), whole)
    assert (offered == whole(wanted)) == (release_number(runs) < release_number(wanted))
