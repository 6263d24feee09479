"""What CI runs, in a tree where `make` and kboot's Python are stand-ins that say what they were asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support.places import ROOT

_SCRIPT = ROOT / ".ci" / "run"


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _ci(tree: Path, *, make: str = 'echo "make $*"') -> subprocess.CompletedProcess[str]:
    """`.ci/run` of a tree whose cache for Kubernetes is the folder `built`."""
    (tree / ".ci").mkdir()
    shutil.copy(_SCRIPT, tree / ".ci")
    _program(tree / "bin" / "make", make)
    _program(tree / ".venv" / "bin" / "python", f"echo {tree}/built")
    environment = {"PATH": f"{tree / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run([tree / ".ci" / "run"], env=environment, capture_output=True, text=True)


def test_kubernetes_is_tested_where_its_binaries_are_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "versions").write_text("kubernetes v1.36.2\n")
    done = _ci(tmp_path)
    assert (done.returncode, done.stdout) == (0, "make test\nmake test-kubernetes\n")


def test_where_they_are_not_one_line_says_what_is_left_out(tmp_path: Path) -> None:
    done = _ci(tmp_path)
    left_out = (
        "kubernetes: its binaries are not in the cache (`make kubernetes` builds them): tests/kubernetes is left out"
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, ["make test", left_out])


def test_a_test_that_fails_ends_it(tmp_path: Path) -> None:
    done = _ci(tmp_path, make='echo "make $*"; exit 2')
    assert (done.returncode, done.stdout) == (2, "make test\n")
