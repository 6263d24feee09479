"""The words by which others call this kboot."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kboot.host.own_command import own_command


@pytest.mark.parametrize("is_found", [True, False])
def test_they_run_this_kboot_from_anywhere(is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_found:
        (tmp_path / "kboot").symlink_to(Path(sys.executable).with_name("kboot"))
    monkeypatch.setenv("PATH", str(tmp_path))
    words = own_command()
    assert (words == [str(tmp_path / "kboot")]) is is_found
    done = subprocess.run([*words, "--version"], cwd="/", env={}, capture_output=True, text=True)
    assert done.stdout == f"kboot {version('kboot')}\n"


def test_another_kboot_on_the_way_is_not_taken_for_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kboot").write_text("#!/bin/sh\n")
    (tmp_path / "kboot").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command()[0] == sys.executable
