"""What a command says whose output takes nothing more: `kboot … > FILE` on a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .test_cli import RACK

_SAID = (
    "error: what is printed or written: No space left on device\n  hint: free some space there, then run this again\n"
)


@pytest.mark.parametrize(
    "words",
    [["--help"], ["help", "node"], ["--version"], ["init"], ["schema"], ["completion", "bash"], ["validate", "FILE"]],
    ids=" ".join,
)
def test_a_full_disk_is_said_in_one_line_with_a_code_of_its_own(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "rack.yaml"
    file.write_text(RACK)
    command = [sys.executable, "-m", "kboot.cli.main", *(str(file) if word == "FILE" else word for word in words)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, _SAID)


def test_a_file_that_cannot_be_written_whole_is_not_left_in_the_way_of_the_next_run(tmp_path: Path) -> None:
    made = tmp_path / "cluster.yaml"
    command = [sys.executable, "-m", "kboot.cli.main", "init", "--example", "-o", str(made)]
    full = subprocess.run(["prlimit", "--fsize=100", *command], capture_output=True, text=True)
    assert (full.returncode, made.exists()) == (2, False)
    assert "cannot be written: File too large" in full.stderr
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    assert made.stat().st_size > 100


def test_a_reader_that_has_gone_is_no_fault() -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {sys.executable} -m kboot.cli.main --help | true"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
