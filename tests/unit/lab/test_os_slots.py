"""What GRUB is told of the lab OS's two systems, and when a machine with an update reboots by itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot_lab.os_build import RECIPE

_GRUBENV = RECIPE / "root/usr/lib/kboot-lab/grubenv"
_LOCKSMITHD = RECIPE / "root/usr/lib/locksmith/locksmithd"
_MARKER = "run/update_engine_autoupdate_completed"


@pytest.mark.parametrize(("good", "tried"), [("a", ""), ("b", "a")])
def test_the_environment_is_a_block_that_grub_reads_and_writes(good: str, tried: str) -> None:
    block = subprocess.check_output(["bash", str(_GRUBENV), good, tried])
    assert len(block) == 1024
    head, _, rest = block.partition(b"#" * 3)
    assert head == f"# GRUB Environment Block\ngood={good}\ntry={tried}\n".encode()
    assert rest.strip(b"#") == b""


def locksmithd(place: Path, strategy: str | None) -> tuple[int | None, list[str]]:
    """The exit code, none where it still waits after two seconds; and what systemctl(1) was called with."""
    (place / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{place}/called\n')
    (place / "systemctl").chmod(0o755)
    environment = os.environ | {"PATH": f"{place}:{os.environ['PATH']}", "KBOOT_LAB_PLACE": str(place)}
    if strategy is not None:
        environment["REBOOT_STRATEGY"] = strategy
    command = ["timeout", "2", "bash", str(_LOCKSMITHD)]
    code = subprocess.run(command, env=environment, capture_output=True).returncode
    called = place / "called"
    return None if code == 124 else code, called.read_text().split("\n")[:-1] if called.exists() else []


def test_a_machine_reboots_once_an_update_waits_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert locksmithd(tmp_path, None) == (None, [])
    (tmp_path / _MARKER).touch()
    assert locksmithd(tmp_path, "off") == (0, [])
    assert locksmithd(tmp_path, "etcd-lock") == (1, [])
    assert locksmithd(tmp_path, "reboot") == (0, ["reboot"])
    assert locksmithd(tmp_path, None) == (0, ["reboot", "reboot"])
