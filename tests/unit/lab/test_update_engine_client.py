"""The lab OS's update_engine_client: its options, its output and exit codes, as scripts on machines read them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot_lab.os_build import RECIPE

_CLIENT = RECIPE / "root/usr/bin/update_engine_client"
_STATUS = "LAST_CHECKED_TIME=0\nPROGRESS=0.000000\nCURRENT_OP={}\nNEW_VERSION=0.0.0\nNEW_SIZE=0\n"


def run(folder: Path, *options: str, operations: tuple[str, ...] = ()) -> tuple[int, str, list[str]]:
    """Exit code, output, and what was asked; the daemon says these operations one after the other, none: it is away."""
    for number, operation in enumerate(operations, 1):
        (folder / f"answer{number}").write_text(_STATUS.format(f"UPDATE_STATUS_{operation}"))
    program = f'cd {folder}; cat >>asked; cat "answer$(wc -l <asked)"'
    (folder / "socat").write_text(f"#!/bin/sh\n{program}\n")
    (folder / "socat").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", str(_CLIENT), *options], env=environment, capture_output=True, text=True, timeout=60)
    asked = folder / "asked"
    return done.returncode, done.stdout, asked.read_text().split() if asked.exists() else []


@pytest.mark.parametrize("option", ["-status", "--status"])
def test_the_status_is_lines_that_a_script_reads(tmp_path: Path, option: str) -> None:
    code, said, asked = run(tmp_path, option, operations=("UPDATED_NEED_REBOOT",))
    assert (code, asked) == (0, ["status"])
    assert "CURRENT_OP=UPDATE_STATUS_UPDATED_NEED_REBOOT\n" in said


def test_a_check_is_asked_for_and_not_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path, "-check_for_update", operations=("CHECKING_FOR_UPDATE",)) == (0, "", ["attempt_update"])


@pytest.mark.parametrize("last", ["IDLE", "UPDATED_NEED_REBOOT"])
def test_an_update_is_waited_for_to_its_end(tmp_path: Path, last: str) -> None:
    code, said, asked = run(tmp_path, "-update", operations=("CHECKING_FOR_UPDATE", "DOWNLOADING", last))
    assert (code, asked) == (0, ["attempt_update", "status", "status"])
    assert said.endswith(f"CURRENT_OP=UPDATE_STATUS_{last}\nNEW_VERSION=0.0.0\nNEW_SIZE=0\n")


def test_a_daemon_that_is_away_and_an_option_that_is_none_are_failures(tmp_path: Path) -> None:
    assert run(tmp_path, "-status")[0] == 1
    assert run(tmp_path, "-check_for_update")[0] == 1
    assert run(tmp_path, "-upgrade", operations=("IDLE",))[0] == 1
