"""What `kboot node show` prints of a machine's disks, cards and updates."""

from __future__ import annotations

from kboot.cli.status_text import card_lines, disk_lines, update_lines


def test_each_disk_is_a_line_with_what_an_operator_needs_to_name_it() -> None:
    disks = [
        {
            "name": "/dev/sda", "id": "/dev/disk/by-id/ata-DISK_A1", "model": "SSD 870", "serial": "A1",
            "size_bytes": 256060514304, "holds": "gpt ext4",
        },
        {"name": "/dev/vda", "id": "", "model": "", "serial": "", "size_bytes": 8589934592, "holds": ""},
    ]  # fmt: skip
    assert disk_lines(disks) == [
        "/dev/disk/by-id/ata-DISK_A1 (/dev/sda), 256.1 GB, SSD 870, serial A1, held gpt ext4",
        "/dev/vda, 8.6 GB, was empty",
    ]


def test_each_card_is_a_line_with_the_mac_by_which_a_description_names_it() -> None:
    card = {"name": "eno1", "mac": "0c:c4:7a:82:c5:b8", "link": "up", "speed_mbit": 2500, "driver": "igc"}
    cards = [
        card,
        {**card, "name": "eno2", "speed_mbit": 100},
        {**card, "name": "eno3", "link": "down", "speed_mbit": None, "driver": ""},
        {**card, "name": "eno4", "link": "unknown", "speed_mbit": None},
    ]
    assert card_lines(cards) == [
        "0c:c4:7a:82:c5:b8 (eno1), link up at 2.5 Gb/s, igc",
        "0c:c4:7a:82:c5:b8 (eno2), link up at 100 Mb/s, igc",
        "0c:c4:7a:82:c5:b8 (eno3), link down",
        "0c:c4:7a:82:c5:b8 (eno4), link not known, igc",
    ]


def test_a_machine_that_told_of_no_disk_and_no_card_has_no_line() -> None:
    assert disk_lines([]) == card_lines([]) == []


def test_a_machines_updates_are_its_last_check_and_a_line_for_each_step_newest_first() -> None:
    versions = {"from_version": "4230.2.0", "to_version": "4230.2.3"}
    offered = {"at": "2026-06-01T03:00:00Z", "step": "offered", **versions, "error": None}
    failed = {**offered, "at": "2026-06-01T03:01:00Z", "step": "failed", "error": "unsigned (error 17)"}
    update = {"checked": "2026-06-01T03:05:00Z", "reason": "it runs 4230.2.3", "steps": [offered, failed]}
    assert update_lines(update) == [
        "asked 2026-06-01T03:05:00Z, it runs 4230.2.3",
        "2026-06-01T03:01:00Z failed 4230.2.0 to 4230.2.3: unsigned (error 17)",
        "2026-06-01T03:00:00Z offered 4230.2.0 to 4230.2.3",
    ]


def test_a_machine_that_never_asked_has_no_line() -> None:
    assert update_lines({"checked": None, "reason": None, "steps": []}) == []
