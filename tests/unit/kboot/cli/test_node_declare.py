"""A machine that is written into a description leaves the file to whom it belonged."""

from __future__ import annotations

import os
from pathlib import Path

from kboot.cli.main import run
from kboot.describe.starter import example_description


def _another_group() -> int:
    """A group that a new file has not by itself: any for root, else one that the caller is in besides."""
    return 64999 if os.geteuid() == 0 else os.getgroups()[-1]


def test_the_description_keeps_its_owner_group_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(example_description())
    os.chown(path, -1, _another_group())
    path.chmod(0o660)
    before = path.stat()
    assert run(["node", "declare", "52:54:00:00:00:99", "--name", "node99", "--file", str(path)]) == 0
    after = path.stat()
    assert "52:54:00:00:00:99" in path.read_text()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
