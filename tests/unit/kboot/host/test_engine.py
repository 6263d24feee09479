"""What counts as up."""

from __future__ import annotations

import pytest

from kboot.host.engine import ServiceState, project_name


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
