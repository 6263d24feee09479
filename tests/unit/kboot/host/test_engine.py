"""What counts as up."""

from __future__ import annotations

import pytest

from kboot.host.engine import ServiceState, _complaint, project_name


@pytest.mark.parametrize(
    ("state", "health", "is_up"),
    [
        ("running", "healthy", True),
        ("running", "none", True),
        ("running", "starting", False),
        ("running", "unhealthy", False),
        ("exited", "none", False),
        ("missing", "none", False),
    ],
)
def test_a_service_is_up_when_it_runs_and_says_that_it_is_well(state: str, health: str, is_up: bool) -> None:
    assert ServiceState("dnsmasq", state, health, None).is_up is is_up


def test_compose_knows_a_cluster_by_its_project() -> None:
    assert project_name("ail") == "kboot-ail"


@pytest.mark.parametrize(
    ("log", "complaint"),
    [
        (None, ""),
        ([], ""),
        ([{"ExitCode": 0, "Output": "all is well"}], ""),
        ([{"ExitCode": 1, "Output": ""}], ""),
        (
            [{"ExitCode": 1, "Output": "old"}, {"ExitCode": 1, "Output": "trace\nHTTP Error 503\x1b[2J: why\n"}],
            "HTTP Error 503[2J: why",
        ),
    ],
)
def test_of_a_health_check_that_fails_its_last_words_are_told(log: object, complaint: str) -> None:
    assert _complaint({"Status": "unhealthy", "Log": log}) == complaint
