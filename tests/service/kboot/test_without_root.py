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


def _said(top: Path, *words: str, **environment: str) -> str:
    command = [sys.executable, "-c", _AS_NOBODY, *words, "--root", str(top / "root")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
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
