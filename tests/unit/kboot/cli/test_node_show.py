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
    next=[
        {"command": "kboot up FILE", "why": "once `install_disk` is right"},
        {"command": None, "why": "it tries again two minutes after each failure"},
    ],
)


def test_a_machine_that_failed_leads_with_its_reason_and_what_to_type() -> None:
    lines = [plain(line) for line in node_lines(_FAILED, NOW, None)]
    assert lines == [
        "node1 failed for 5m",
        f"          {NO_DISK}",
        "next      kboot up FILE",
        "            once `install_disk` is right",
        "          it tries again two minutes after each failure",
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


_TOLD = machine(
    1,
    more_macs=[],
    update=None,
    cards=[{"name": "eno1", "mac": "0c:c4:7a:82:c5:b8", "link": "up", "speed_mbit": 10000, "driver": "ixgbe"}],
    install_log=["one", "two", "three", "four"],
    failed_units=[{"name": "etcd.service", "lines": ["starting", "no space"]}, {"name": "a.mount", "lines": []}],
)


def _told(width: int | None, *, is_wide: bool) -> list[str]:
    lines = [plain(line) for line in node_lines(_TOLD, NOW, width, is_wide=is_wide)]
    begin = next(at for at, line in enumerate(lines) if line.startswith("the newest install")) - 1
    end = len(lines) if is_wide else next(at for at, line in enumerate(lines) if line.startswith("machine ")) - 1
    return lines[begin:end]


def test_the_last_lines_of_what_failed_come_before_what_is_known_of_it_and_with_wide_all_of_them_at_the_end() -> None:
    units = ["", "etcd.service failed:", "          starting", "          no space", "", "a.mount failed:"]
    assert _told(None, is_wide=False) == [
        "",
        "the newest install that failed, the last 3 of 4 lines, `-o wide` has all:",
        "          two",
        "          three",
        "          four",
        *units,
    ]
    assert _told(None, is_wide=True) == [
        "",
        "the newest install that failed:",
        *(f"          {line}" for line in ("one", "two", "three", "four")),
        *units,
    ]


def test_cards_stand_beside_the_disks() -> None:
    lines = [plain(line) for line in node_lines(_TOLD, NOW, None)]
    assert "cards     0c:c4:7a:82:c5:b8 (eno1), link up at 10 Gb/s, ixgbe" in lines
    assert all(width_of(plain(line)) <= 40 for line in node_lines(_TOLD, NOW, 40))


def test_a_server_that_knows_nothing_of_it_is_shown_as_before() -> None:
    known = {key: value for key, value in _TOLD.items() if key not in ("cards", "install_log", "failed_units")}
    lines = [plain(line) for line in node_lines(known, NOW, None, is_wide=True)]
    assert not [line for line in lines if "failed" in line or "cards" in line]
