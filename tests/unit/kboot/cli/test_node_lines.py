"""What `kboot node show` prints of a machine's disks."""

from __future__ import annotations

from kboot.cli.status_text import disk_lines


def test_each_disk_is_a_line_with_what_an_operator_needs_to_name_it() -> None:
    disks = [
        {
            "name": "/dev/sda", "id": "/dev/disk/by-id/ata-DISK_A1", "model": "SSD 870", "serial": "A1",
            "size_bytes": 256060514304, "holds": "gpt ext4",
        },
        {"name": "/dev/vda", "id": "", "model": "", "serial": "", "size_bytes": 8589934592, "holds": ""},
    ]  # fmt: skip
    assert disk_lines(disks) == [
        "/dev/disk/by-id/ata-DISK_A1 (/dev/sda), 256.1 GB, SSD 870, serial A1, holds gpt ext4",
        "/dev/vda, 8.6 GB, empty",
    ]


def test_a_machine_that_told_of_no_disk_has_no_line() -> None:
    assert disk_lines([]) == []
