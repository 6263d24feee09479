"""`kboot completion`: what it prints, asked by a real bash."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kboot.cli.completion import COMPLETION
from kboot.cli.main import run
from support.places import ROOT

# As readline calls it: the words, and the place of the one that is being written.
_ASK = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_kboot kboot "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The completion of bash, as printed."""
    assert run(["completion", "bash"]) == 0
    path = tmp_path / "kboot"
    path.write_text(capsys.readouterr().out)
    return path


def _words(script: Path, *typed: str) -> set[str]:
    command = ["bash", "-c", _ASK, "bash", str(script), "kboot", *typed]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_bash_completes_commands_options_and_choices(script: Path) -> None:
    assert _words(script, "co") == {"convert", "completion"}
    assert _words(script, "lab", "power", "node1", "") == {"on", "off", "cycle"}
    assert _words(script, "up", "--t") == {"--timeout"}
    assert _words(script, "completion", "") == set(COMPLETION)


def test_bash_completes_files_and_folders_where_they_are_meant(script: Path) -> None:
    assert _words(script, "up", "examples/r") == {"examples/rack.yaml"}
    assert _words(script, "render", "--root", "ex") == {"examples"}
    assert _words(script, "render", "--root", "READ") == set()


@pytest.mark.parametrize("shell", COMPLETION)
def test_each_shell_has_its_own(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    first = {"bash": "# AUTOMATICALLY", "zsh": "#compdef kboot", "fish": "# AUTOMATICALLY"}
    assert capsys.readouterr().out.startswith(first[shell])


def test_another_shell_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "ksh"]) == 2
    assert "invalid choice: 'ksh'" in capsys.readouterr().err
