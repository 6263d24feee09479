"""What `kboot status` and `kboot watch` say of small and large racks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kboot.cli.status_text import status_lines
from kboot.cli.tables import plain, width_of
from kboot.host.engine import ServiceState
from kboot.running.status import Status
from support.statuses import LATE, NO_DISK, NOW, machine, rack, stamp


def _said(status: Status, width: int | None = None, height: int | None = None) -> list[str]:
    return [plain(line) for line in status_lines(status, NOW, width, height)]


def test_what_is_wrong_leads_with_its_reason_and_the_next_command() -> None:
    assert _said(rack(400))[:9] == [
        "cluster ail: 1 failed, 1 overdue, 1 outdated",
        f"  node1 (5m) failed: {NO_DISK}",
        "    next: kboot node show node1",
        f"  node2 (5m) {LATE}",
        "    next: kboot node show node2",
        "  node4 runs an older config than the one in force",
        "    next: kboot upgrade",
        "",
        "400 machines: 1 failed, 4 waiting, 1 booting, 2 configured, 1 running, 391 ready",
    ]


def test_machines_with_the_same_fault_are_told_of_once() -> None:
    nodes = [machine(number, "failed", reason="no disk") for number in range(1, 41)]
    lines = _said(Status("ail", [], nodes, [], {}))
    assert lines[:3] == [
        "cluster ail: 40 failed",
        "  node1, node2, node3 and 37 more (5m) failed: no disk",
        "    next: kboot node show node1",
    ]


def test_a_unit_that_failed_is_told_of_without_a_time_that_nobody_knows() -> None:
    units = [{"name": "containerd.service", "lines": []}, {"name": "storage.mount", "lines": []}]
    lines = _said(Status("ail", [], [machine(1, failed_units=units), machine(2)], [], {}))
    assert lines[:3] == [
        "cluster ail: 1 with failed units",
        "  node1 containerd.service, storage.mount failed",
        "    next: kboot node show node1",
    ]
    (row,) = [line for line in lines if line.startswith("node1")]
    assert row.endswith("  containerd.service failed, and 1 more")


def test_a_service_that_is_down_leads_to_its_log() -> None:
    services = [ServiceState("dnsmasq", "running", "unhealthy", stamp(60), complaint="no answer on port 67")]
    status = Status("ail", services, [machine(1)], [], {}, ["dnsmasq"])
    assert _said(status)[:3] == [
        "cluster ail: 1 service down",
        "  dnsmasq is unhealthy: no answer on port 67",
        "    next: kboot logs dnsmasq --cluster ail",
    ]


def test_a_rollout_that_halted_leads_and_one_that_goes_on_does_not() -> None:
    rollout = {"state": "halted", "since": stamp(600), "release": "4230.2.3", "reason": "node1 did not come back"}
    status = Status("ail", [], [machine(1)], [], {}, rollout=rollout)
    assert _said(status)[:4] == [
        "cluster ail: 1 rollout halted",
        "  updates (10m) the rollout of 4230.2.3 has halted: node1 did not come back",
        "    next: kboot os rollout status",
        "",
    ]
    assert not [line for line in _said(status) if line.startswith("updates:")]
    running = replace(status, rollout=rollout | {"state": "running", "reason": "waits for `os.update.window`"})
    assert _said(running)[0] == "cluster ail: all is well"
    assert [line for line in _said(running) if line.startswith("updates: the rollout of 4230.2.3 is under way")]


def test_a_cluster_where_nothing_is_wrong_says_so_and_who_is_on_the_way() -> None:
    nodes = [machine(1), machine(2, "booting", armed=True), machine(3, "waiting", armed=True)]
    assert _said(Status("ail", [], nodes, [], {}))[0] == "cluster ail: all is well, 1 machine on the way"
    assert _said(Status("ail", [], nodes[:1], [], {}))[0] == "cluster ail: all is well"


def test_machines_with_an_older_config_are_brought_on_one_by_one_where_none_is_ready() -> None:
    nodes = [machine(1, "running", config="outdated"), machine(2, "running")]
    assert _said(Status("ail", [], nodes, [], {}))[2] == "    next: kboot node apply node1"


@pytest.mark.parametrize("count", [3, 40, 400])
@pytest.mark.parametrize(("width", "height"), [(70, 16), (100, 12), (200, 50), (40, 8), (20, 3)])
def test_a_window_is_never_too_small(count: int, width: int, height: int) -> None:
    lines = _said(rack(count), width, height)
    assert len(lines) <= height
    assert all(width_of(line) <= width for line in lines)
    assert lines[0].startswith("cluster ail: ")


def test_of_many_machines_those_that_are_well_are_counted() -> None:
    lines = _said(rack(400), 100, 30)
    table = lines[lines.index("400 machines: 1 failed, 4 waiting, 1 booting, 2 configured, 1 running, 391 ready") :]
    assert [line.split()[0] for line in table[2:7]] == ["node1", "node2", "node4", "node3", "node9"]
    assert table[7] == "and 395 more: 4 waiting, 391 ready; see `kboot node list`"


def test_a_rack_that_fits_the_window_is_shown_whole() -> None:
    assert sum(line.startswith("node") for line in _said(rack(3), 70, 16)) == 3


def test_machines_of_a_server_that_is_down_are_no_trouble_of_their_own() -> None:
    nodes = [machine(1, "unknown", reason="unknown: cloudconfig is down")]
    services = [ServiceState("cloudconfig", "exited", "none", None, ended=stamp(60), exit_code=137)]
    status = Status("ail", services, nodes, [], {}, ["cloudconfig (exited, none)"])
    assert _said(status)[:4] == [
        "cluster ail: 1 service down",
        "  cloudconfig (60s) ended with exit code 137: no machine boots, installs or reports",
        "    next: kboot start",
        "",
    ]


def test_an_etcd_member_of_a_machine_that_is_not_there_yet_is_no_trouble() -> None:
    status = rack(3)
    assert not [line for line in _said(status) if "etcd is not well" in line]
    grown = replace(status, nodes=[machine(1)])
    assert "  node1 etcd is not well: does not answer" in _said(grown)
