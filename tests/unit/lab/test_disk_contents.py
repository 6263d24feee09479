"""What an earlier use left on a disk is taken for it by the tools that look for such things."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kboot_lab.hardware import CONTENTS
from kboot_lab.machine.disk_contents import WRITERS, main

_SIZE_BYTES = 64 << 20


def probed(disk: Path) -> dict[str, str]:
    """blkid(8) of the disk."""
    command = ["blkid", "--probe", "--output", "export", str(disk)]
    lines = subprocess.check_output(command, text=True).splitlines()
    return dict(line.replace("\\", "").split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("what", "kind", "version"),
    [("md", "linux_raid_member", "1.2"), ("lvm", "LVM2_member", "LVM2 001"), ("swap", "swap", "1")],
)
def test_what_was_written_is_found(tmp_path: Path, what: str, kind: str, version: str) -> None:
    disk = tmp_path / "disk.raw"
    disk.touch()
    with disk.open("r+b") as file:
        file.truncate(_SIZE_BYTES)
    main(what, disk)
    found = probed(disk)
    assert (found["TYPE"], found["VERSION"]) == (kind, version)
    assert disk.stat().st_size == _SIZE_BYTES


def test_every_content_that_an_option_names_can_be_written() -> None:
    assert set(WRITERS) == set(CONTENTS)
