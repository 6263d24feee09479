"""`/v1/events` with a choice and an end, and the shapes of what is answered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kboot.host.waiting import looks
from support.places import ROOT

from .conftest import NODE1, NODE2, STRANGER, Server
from .test_doubt import lose, no_files

_PAGE = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())


def _told(server: Server, query: str) -> list[dict[str, Any]]:
    """The events of a stream that ends by itself."""
    answer = server.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


def _check(value: Any, shape: str) -> None:
    """Hold a value against a shape of docs/reference/openapi.json."""
    Draft202012Validator({"$ref": f"#/components/schemas/{shape}"} | {"components": _PAGE["components"]}).validate(
        value
    )


def test_a_stream_that_waits_for_nothing_ends_after_what_there_is(server: Server) -> None:
    server.install(NODE1)
    begin = time.monotonic()
    all_of_them = _told(server, "after=0&wait=0")
    assert time.monotonic() - begin < 5
    assert all_of_them == server.events()
    assert [each["kind"] for each in all_of_them if each["mac"] == NODE1][-1] == "installed"


def test_a_stream_that_waits_a_second_tells_what_comes_within_it_and_ends(standing: Server) -> None:
    begin = time.monotonic()
    told = _told(standing, "after=0&wait=1")
    assert 1 <= time.monotonic() - begin < 6
    assert {each["kind"] for each in told} >= {"leased"}


def test_kinds_and_a_machine_choose_together_and_any_spelling_of_the_machine_does(server: Server) -> None:
    server.install(NODE1)
    server.get(f"/ignition/{NODE2.dashed}.json", who=NODE2, tls=True)
    chosen = _told(server, f"after=0&wait=0&kind=leased&kind=refused&mac={NODE2.dashed.upper()}")
    assert [(each["kind"], each["mac"]) for each in chosen] == [("leased", NODE2), ("refused", NODE2)]


def test_without_a_number_a_choice_begins_at_its_own_newest_events(server: Server) -> None:
    assert "leased" in [each["kind"] for each in _told(server, "after=0&wait=1")]  # what its watches find
    for _ in range(60):
        assert server.arm(NODE1).status_code == 200
        assert server.arm(NODE1, "disarm").status_code == 200
    assert len(_told(server, "wait=0")) == 100
    assert [each["mac"] for each in _told(server, "wait=0&kind=leased")].count(NODE2) == 1


def test_who_follows_is_told_of_the_loss_of_a_state_that_had_more_events_than_there_are_now(server: Server) -> None:
    server.install(NODE1)
    last = server.get("/v1/events?wait=0").text.rpartition("id: ")[2].partition("\n")[0]
    assert int(last) > 5
    lose(server, no_files)
    assert "state-lost" in [each["kind"] for each in _told(server, f"after={last}&wait=0")]
    again = server.get("/v1/events?wait=0", headers={"last-event-id": last}).text
    assert again.startswith(": events of the cluster\n\nid: 1\nevent: state-lost\n")
    newest = again.rpartition("id: ")[2].partition("\n")[0]
    assert _told(server, f"after={newest}&wait=0") == []


@pytest.mark.parametrize("query", ["kind=unheard-of", "wait=-1", "wait=1e9", "mac=52-54", "after=-1", "wait=nan"])
def test_a_choice_that_is_none_is_400_in_words(standing: Server, query: str) -> None:
    answer = standing.get(f"/v1/events?{query}")
    assert answer.status_code == 400
    _check(answer.json(), "ProblemState")


def test_events_of_a_machine_of_which_nothing_is_known_are_404_and_of_one_that_is_gone_are_told(
    server: Server,
) -> None:
    path = f"/v1/events?after=0&wait=0&mac={STRANGER.dashed}"
    unknown = server.get(path)
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    _check(unknown.json(), "ProblemState")
    assert unknown.json()["detail"] == f"nothing is known of {STRANGER}"
    server.lease(NODE1, NODE2, STRANGER)
    for _ in looks(30, 0.1):
        if server.get(path).status_code == 200:
            break
    assert server.arm(STRANGER, "forget").status_code == 204
    assert "forgotten" in [each["kind"] for each in _told(server, f"after=0&wait=0&mac={STRANGER}")]


def test_an_unknown_kind_is_refused_with_the_kinds_that_there_are(standing: Server) -> None:
    answer = standing.get("/v1/events?kind=failed&kind=unheard-of")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "state-lost" in answer.json()["detail"]


def test_what_is_answered_has_the_shape_that_the_page_of_the_api_gives_it(server: Server) -> None:
    server.lease(NODE1, NODE2, STRANGER)
    server.install(NODE1)
    token = server.install_token(NODE2)
    disk = {"name": "/dev/sda", "model": "m", "serial": "s", "size_bytes": 1, "id": "", "holds": ""}
    assert server.report(NODE2, "installing", token, bytes=1, total=2, disks=[disk]).status_code == 204
    server.wait_phase(NODE1, "installed")
    fleet = server.get("/v1/nodes").json()
    _check(fleet, "FleetState")
    assert fleet["nodes"][1]["disks"] == [disk]
    _check(server.node(NODE2), "NodeState")
    _check(server.arm(NODE1).json(), "NodeState")
    _check(server.get("/v1/nodes/02-00-00-00-00-77").json(), "ProblemState")
    settled = server.ask("POST", "/v1/settle", tls=True, token=server.secrets.operator_token)
    _check(settled.json(), "FleetState")
    events = server.events()
    for event in events:
        _check(event, "EventState")
    assert len(events) > 5
