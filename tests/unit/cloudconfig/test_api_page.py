"""The page of the API, docs/reference/openapi.json, against the route table and the page for people."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, get_type_hints

import pytest

from kboot_cloudconfig.api import (
    EventState,
    FleetState,
    NodeState,
    RolloutMachineState,
    RolloutState,
    UpdateState,
    UpdateStepState,
)
from kboot_cloudconfig.app import ROUTES
from kboot_cloudconfig.route import FILE, Xml, api_page
from kboot_clusterdesc import EventKind, Phase
from support.http_page import PageRoute, page_routes


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The OpenAPI document."""
    return api_page(ROUTES)


def test_each_route_but_the_same_with_a_slash_more_has_one_operation_by_a_name_of_its_own(page: dict[str, Any]) -> None:
    operations = [(path, method, each) for path, of in page["paths"].items() for method, each in of.items()]
    told = {(path, method.upper()) for path, method, _ in operations}
    wanted = {
        (route.path.replace(":path}", "}"), method)
        for route in ROUTES
        for method in route.methods
        if method != "HEAD" and route.path != "/v1/update/" and not route.is_form
    }
    assert told == wanted
    names = sorted(each["operationId"] for _, _, each in operations)
    assert all(before != after for before, after in pairwise(names))


@pytest.mark.parametrize("route", page_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_who_may_ask_is_told_as_in_the_page_for_people(route: PageRoute) -> None:
    of_path = [each for each in ROUTES if each.path.replace(":path}", "}") == route.path]
    found = [each for each in of_path if route.method in each.methods]
    assert [each.who.value for each in found] == [route.who]


def test_a_token_is_asked_for_where_not_anyone_may_ask_and_there_alone(page: dict[str, Any]) -> None:
    for of in page["paths"].values():
        for operation in of.values():
            assert ("security" in operation) == (operation["tags"] != ["anyone"])


def test_each_fault_is_told_by_its_status_as_problem_details(page: dict[str, Any]) -> None:
    named = {f"#/components/responses/{name}": each for name, each in page["components"]["responses"].items()}
    assert all(list(each["content"]) == ["application/problem+json"] for each in named.values())
    told = set()
    for of in page["paths"].values():
        for operation in of.values():
            faults = {status: each for status, each in operation["responses"].items() if status[0] in "45"}
            assert all(each["$ref"] in named for each in faults.values())
            assert "5XX" in faults
            assert "default" not in operation["responses"]
            assert ("403" in faults) == ("security" in operation)
            assert not {"413"} & set(faults) or "requestBody" in operation
            told |= {each["$ref"] for each in faults.values()}
    assert told == set(named)


def test_what_is_no_json_has_its_own_media_types_and_a_file_has_parts(page: dict[str, Any]) -> None:
    for path, of in page["paths"].items():
        for operation in of.values():
            good = {status: each for status, each in operation["responses"].items() if status[0] in "23"}
            route = next(route for route in ROUTES if route.path.replace(":path}", "}") == path)
            assert set(good) == ({"200", "206", "304"} if route.answers == FILE else {str(route.status)})
            wanted = set(route.media_types) or ({"application/json"} if isinstance(route.answers, type) else set())
            assert set(good[str(route.status)].get("content", {})) == wanted


def test_each_shape_of_the_page_is_of_use_in_it(page: dict[str, Any]) -> None:
    text = json.dumps(page)
    of_streams = {"EventState"}  # OpenAPI has no place for what is in a stream
    unused = {name for name in page["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text}
    assert unused == of_streams


def test_kinds_of_event_and_phases_are_the_ones_of_the_vocabulary(page: dict[str, Any]) -> None:
    schemas = page["components"]["schemas"]
    assert schemas["Phase"]["enum"] == [phase.value for phase in Phase]
    assert schemas["EventKind"]["enum"] == [kind.value for kind in EventKind]
    kind = next(each for each in page["paths"]["/v1/events"]["get"]["parameters"] if each["name"] == "kind")
    assert "#/components/schemas/EventKind" in str(kind["schema"])


def test_every_field_that_a_shape_has_is_in_the_page(page: dict[str, Any]) -> None:
    schemas = page["components"]["schemas"]
    for shape in (NodeState, FleetState, EventState, UpdateState, UpdateStepState, RolloutState, RolloutMachineState):
        assert set(schemas[shape.__name__]["properties"]) == set(get_type_hints(shape))


def test_a_route_takes_json_where_it_names_a_model_of_it() -> None:
    takes = {route.path: route.takes for route in ROUTES if route.takes and not isinstance(route.takes, str)}
    assert {path: "XML" if isinstance(each, Xml) else each.__name__ for path, each in takes.items()} == {
        "/v1/nodes/{mac}/events": "Report",
        "/v1/nodes/{mac}/update": "AgentWord",
        "/v1/rollout/start": "StartWord",
        "/v1/rollout/pause": "PauseWord",
        "/v1/rollout/resume": "ResumeWord",
        "/v1/rollout/hold": "HoldWord",
        "/v1/rollout/gate": "GateWord",
        "/v1/update": "XML",
        "/v1/update/": "XML",
    }
