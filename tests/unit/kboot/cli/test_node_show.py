"""What `kboot node show` says: why a machine is where it is, what to type, and how long each phase took."""

from __future__ import annotations

from kboot.cli.node_show import node_lines
from kboot.cli.tables import plain, width_of
from support.statuses import NO_DISK, NOW, machine, stamp

_FAILED = machine(
    1,
    "failed",
    reason=NO_DISK,
    since=stamp(300),
    phases={"waiting": stamp(1200), "leased": stamp(960), "booting": stamp(900), "failed": stamp(300)},
    armed=True,
    more_macs=[],
    update=None,
)


def test_a_machine_that_failed_leads_with_its_reason_and_what_to_type() -> None:
    lines = [plain(line) for line in node_lines(_FAILED, NOW, None)]
    assert lines == [
        "node1 failed for 5m",
        f"          {NO_DISK}",
        "next      kboot logs node1",
        "          kboot node reinstall node1",
        "",
        "machine   52:54:00:00:00:01, 10.10.14.2, heard 12s ago",
        "roles     worker",
        "config    current, armed",
        "OS        3975.2.0",
        "",
        "PHASE    SINCE (UTC)          FOR",
        "waiting  2026-11-28 11:40:00  4m         ━━━━━━━━━━━━",
        "leased   2026-11-28 11:44:00  60s        ━━━",
        "booting  2026-11-28 11:45:00  10m        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        "failed   2026-11-28 11:55:00  5m so far  ━━━━━━━━━━━━━━━",
    ]


def test_no_line_is_wider_than_the_window() -> None:
    for width in (40, 70, 100):
        assert all(width_of(plain(line)) <= width for line in node_lines(_FAILED, NOW, width))


def test_a_machine_that_is_well_has_nothing_to_type() -> None:
    lines = [plain(line) for line in node_lines(machine(1, more_macs=[], update=None), NOW, 80)]
    assert lines[:3] == ["node1 ready for 5m", "          its node is Ready", ""]
