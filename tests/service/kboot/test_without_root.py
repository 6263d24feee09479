"""What a user who is not root is told: to be root, not that something is missing or down."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_clusterdesc import ClusterFolder, dump
from support.engine_stand_in import engine_stand_in
from unit.clusterdesc.sample import SAMPLE, accepted

# Once as root, which loads what nobody may not read of a checkout in root's own folder.
_AS_NOBODY = """
import contextlib, io, os, sys
from kboot.cli.main import run
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    run(sys.argv[1:])
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder that everybody may enter, with a cluster whose keys are root's alone."""
    with tempfile.TemporaryDirectory(prefix="kboot-t-") as name:
        path = Path(name)
        path.chmod(0o755)
        folder = ClusterFolder(path / "root", "ail")
        folder.description.parent.mkdir(parents=True)
        folder.description.write_bytes(dump(accepted(SAMPLE)))
        folder.pki.mkdir(mode=0o700)
        yield path


def _done(top: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _AS_NOBODY, *words, "--root", str(top / "root")]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)


def _said(top: Path, *words: str, **environment: str) -> str:
    done = _done(top, *words, **environment)
    assert done.stdout == ""
    return done.stderr


def test_a_key_that_may_not_be_read_asks_for_root(top: Path) -> None:
    key = top / "root" / "ail" / "pki" / "cluster-ca.pem"
    assert _said(top, "node", "list") == f"error: {key}: cannot be read: Permission denied\n  hint: run kboot as root\n"


def test_an_engine_that_may_not_be_asked_asks_for_root(top: Path) -> None:
    with engine_stand_in(top) as engine:
        engine.socket.chmod(0o600)
        said = _said(top, "status", **engine.environment)
    assert said == (
        "error: the Docker engine may not be asked by this user\n  hint: run kboot as root: `sudo kboot …`\n"
    )


def test_a_plugin_that_root_alone_may_have_asks_for_root_first(top: Path) -> None:
    (top / "docker").write_text("#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2\nexit 1\n")
    (top / "docker").chmod(0o755)
    said = _done(top, "doctor", PATH=f"{top}:{os.environ['PATH']}").stdout
    assert "FAIL  user      uid 65534\n      hint: run kboot as root: it gives files to services\n" in said
    hint = "run kboot as root, who may have it as a plugin of his own; else install Compose 2.20 or later: "
    assert f"FAIL  compose   `docker compose` does not run\n      hint: {hint}" in said


@pytest.mark.parametrize("words", [["certs", "list"], ["discovered"], ["events"], ["logs", "node1"]], ids=" ".join)
def test_what_lies_in_a_folder_of_root_alone_asks_for_root(words: list[str], top: Path) -> None:
    assert _said(top, *words).rstrip().endswith("hint: run kboot as root")
