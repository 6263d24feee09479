"""A machine that nobody declared is forgotten, until it comes with another lease."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from kboot.host.waiting import looks

from .conftest import NODE1, NODE2, STRANGER, Server
from .test_joining import boot, configured, installed, opened

__all__ = ["opened"]


def _discovered(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/v1/nodes").json()["discovered"]
    return found


def _wait_discovered(server: Server) -> None:
    for _ in looks(30, 0.1):
        if _discovered(server):
            return
    raise AssertionError("it is not discovered")


def test_a_discovered_machine_is_forgotten_until_its_lease_is_another_one(server: Server) -> None:
    server.lease(NODE1, NODE2, STRANGER)
    _wait_discovered(server)
    assert server.arm(STRANGER, "forget").status_code == 204
    assert _discovered(server) == []
    server.stop()
    server.start()  # reads all leases anew
    server.wait_phase(NODE1, "leased")
    leases = server.folder.leases / "dnsmasq.leases"
    os.utime(leases)
    for _ in looks(3, 0.2):
        assert _discovered(server) == []
    text = leases.read_text()
    (line,) = (line for line in text.splitlines() if str(STRANGER) in line)
    leases.write_text(text.replace(line, f"{int(time.time()) + 7200} {line.split(' ', 1)[1]}"))
    _wait_discovered(server)
    (event,) = (event for event in server.events() if event["kind"] == "forgotten")
    assert event["mac"] == STRANGER


def test_a_machine_that_joined_is_no_node_any_more(opened: Server) -> None:
    boot(opened)
    assert opened.get(f"/v1/nodes/{STRANGER}").status_code == 200
    assert opened.arm(STRANGER, "forget").status_code == 204
    assert opened.get(f"/v1/nodes/{STRANGER}").status_code == 404


@pytest.mark.parametrize("phase", ["configured", "installed"])
def test_a_joined_machine_that_is_installed_is_forgotten_by_force_alone(opened: Server, phase: str) -> None:
    (configured if phase == "configured" else installed)(opened)
    refused = opened.arm(STRANGER, "forget")
    assert refused.status_code == 409
    assert f"is {phase}: " in refused.json()["detail"]
    assert "Declare it" in refused.json()["detail"]
    assert opened.arm(STRANGER, "forget?force=0").status_code == 409
    assert opened.node(STRANGER)["phase"] == phase
    assert opened.arm(STRANGER, "forget?force=1", token="wrong").status_code == 403
    assert opened.arm(STRANGER, "forget?force=1").status_code == 204
    assert opened.get(f"/v1/nodes/{STRANGER}").status_code == 404


def test_what_cannot_be_forgotten_is_refused(server: Server) -> None:
    declared = server.arm(NODE1, "forget")
    assert (declared.status_code, declared.json()["detail"]) == (
        409,
        f"{NODE1} is declared: take it out of the description first",
    )
    unknown = server.arm(STRANGER, "forget")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, f"nothing is known of {STRANGER}")
    assert server.arm(STRANGER, "forget", token="wrong").status_code == 403
