"""The turns that `kboot upgrade --os` gives to machines, against a server whose far side is played."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from kboot.errors import KbootError, NotYet
from kboot.running.cloudconfig_client import JsonObject, Unreachable
from kboot.upgrade.hold import RolloutHold
from kboot.upgrade.os_turns import OsTurns, fell_back, has_fetched
from kboot_clusterdesc import Mac
from support.hold_far_side import HoldFarSide

MAC, OLD, NEW = Mac("52:54:00:00:00:01"), "4230.2.0", "4230.2.3"


def machine(**changes: Any) -> JsonObject:
    """A machine as `/v1/rollout` shows it: it runs the old release, and nothing waits."""
    told = {"agent": "idle", "agent_version": OLD, "boot": "first", "installed": None, "version": OLD}
    return {"mac": str(MAC), "name": "w1", **told, **changes}


class FarSide(HoldFarSide):
    """A server that shows a machine otherwise at each look, the last one for ever."""

    def __init__(self, *shown: JsonObject | KbootError) -> None:
        super().__init__({})
        self.shown = list(shown)

    def get(self, path: str) -> JsonObject:
        """Show the machine."""
        assert path == "/v1/rollout"
        found = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        if isinstance(found, KbootError):
            raise found
        return {"machines": [found]}


def turns(server: FarSide, timeout_s: float = 0, stop: Event | None = None) -> OsTurns:
    """The turns of an upgrade that waits so long for each."""
    return OsTurns(server, RolloutHold(server, NEW), timeout_s, stop or Event())


def given(server: FarSide) -> list[dict[str, str]]:
    """The turns that the server was told, one word after the other."""
    return [body["turns"] for _, body in server.told]


def test_a_machine_that_has_fetched_the_release_has_had_its_turn() -> None:
    server = FarSide(machine(agent="needs-reboot", installed=NEW))
    turns(server).fetch("w1", MAC, NEW)
    assert given(server) == [{str(MAC): "fetch"}, {}]
    assert {body["release"] for _, body in server.told} == {NEW}


def test_one_that_does_not_is_told_with_what_it_says_and_has_its_turn_taken_back() -> None:
    server = FarSide(machine(agent="needs-reboot", installed="4300.0.0"))
    with pytest.raises(NotYet) as refused:
        turns(server).fetch("w1", MAC, NEW)
    assert refused.value.message == (
        f"w1 has not fetched {NEW} after 0 s: "
        f"it runs {OLD}, and its update agent says needs-reboot; 4300.0.0 waits for its reboot"
    )
    assert given(server)[-1] == {}


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    away = Unreachable("the cloud-config server does not answer")
    server = FarSide(away, machine(agent="needs-reboot", installed=NEW))
    turns(server, timeout_s=60).fetch("w1", MAC, NEW)
    with pytest.raises(NotYet, match="does not answer"):
        turns(FarSide(away)).fetch("w1", MAC, NEW)


def test_an_operator_who_stops_does_not_wait_for_the_download() -> None:
    stop = Event()
    stop.set()
    server = FarSide(machine(agent="updating"))
    with pytest.raises(NotYet, match=f"w1 has not fetched {NEW} yet"):
        turns(server, timeout_s=600, stop=stop).fetch("w1", MAC, NEW)
    assert given(server)[-1] == {}


def test_a_machine_whose_agent_was_never_heard_of_is_not_waited_for_to_the_end() -> None:
    of_a_server = turns(FarSide(machine(agent=None)), timeout_s=600)
    with pytest.raises(NotYet) as refused:
        replace(of_a_server, heard_s=-1).fetch("w1", MAC, NEW)
    assert "the update agent of w1 has not been heard of" in refused.value.message
    assert "without `--os` brings it" in refused.value.hint


def test_a_machine_that_runs_the_release_has_rebooted() -> None:
    waits, off = machine(agent="needs-reboot", installed=NEW), machine(boot=None, agent=None, agent_version=None)
    server = FarSide(waits, off, machine(boot="second", agent_version=NEW, version=NEW))
    turns(server, timeout_s=60).reboot("w1", MAC, NEW)
    assert given(server) == [{str(MAC): "reboot"}, {}]


def test_one_that_falls_back_is_seen_at_once_and_the_way_out_is_told() -> None:
    server = FarSide(machine(agent="needs-reboot", installed=NEW), machine(boot="second"))
    with pytest.raises(NotYet) as refused:
        turns(server, timeout_s=600).reboot("w1", MAC, NEW)
    assert refused.value.message == f"w1 came back with {OLD}: {NEW} did not boot"
    assert "`kboot upgrade` without `--os`" in refused.value.hint
    assert given(server)[-1] == {}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (machine(boot="second"), True),
        (machine(boot="second", agent_version=NEW), False),  # its report comes
        (machine(), False),
        (machine(boot=None, agent_version=None), False),  # a server that began anew
    ],
)
def test_a_machine_fell_back_where_its_agent_tells_the_old_release_in_another_boot(
    now: JsonObject, expected: bool
) -> None:
    assert fell_back(machine(agent="needs-reboot", installed=NEW), now, NEW) is expected


@pytest.mark.parametrize(
    ("agent", "installed", "expected"),
    [
        ("needs-reboot", "4230.2.3", True),
        ("needs-reboot", "4230.2.0", False),
        ("needs-reboot", None, False),
        ("updating", "4230.2.3", False),
        (None, None, False),
    ],
)
def test_a_machine_has_fetched_a_release_only_where_that_very_one_waits_for_its_reboot(
    agent: str | None, installed: str | None, expected: bool
) -> None:
    assert has_fetched({"agent": agent, "installed": installed}, NEW) is expected
