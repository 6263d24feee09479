"""`kboot completion fish`, asked by a real fish."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.places import ROOT

_SCRIPT = ROOT / "share/fish/vendor_completions.d/kboot.fish"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files and a folder, in which somebody types."""
    (tmp_path / "here" / "lower").mkdir(parents=True)
    for name in ("rack.yaml", "other.tar"):
        (tmp_path / "here" / name).touch()
    return tmp_path / "here"


def _offered(folder: Path, typed: str) -> set[str]:
    """What fish offers for the last word of a command line, without its descriptions."""
    command = ["fish", "--no-config", "-c", f"source {_SCRIPT}; complete --do-complete $argv[1]", typed]
    environment = {**os.environ, "HOME": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    "typed", ["up ", "bundle load ", "bundle create --image ", "images load a.tar ", "assets add "]
)
def test_files_are_completed_where_they_are_meant(folder: Path, typed: str) -> None:
    assert {"rack.yaml", "other.tar", "lower/"} <= _offered(folder, f"kboot {typed}")


@pytest.mark.parametrize("typed", ["up --root ", "bundle create --os-from "])
def test_folders_alone_are_completed_where_they_are_meant(folder: Path, typed: str) -> None:
    assert _offered(folder, f"kboot {typed}") == {"lower/"}


def test_commands_options_and_choices_are_completed_and_no_files_there(folder: Path) -> None:
    assert _offered(folder, "kboot co") == {"convert", "completion"}
    assert _offered(folder, "kboot up --t") == {"--timeout"}
    assert _offered(folder, "kboot completion ") == {"bash", "fish", "zsh"}
    assert "rack.yaml" not in _offered(folder, "kboot ")
