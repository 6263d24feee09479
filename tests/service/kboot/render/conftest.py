"""A machine on which install.sh is run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.kboot.render.sandbox import Sandbox


@pytest.fixture
def machine(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture
def loop_disks(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two real, empty disks of 8 MiB."""
    paths = []
    try:
        for name in ("first.raw", "second.raw"):
            (tmp_path / name).write_bytes(bytes(8 << 20))
            command = ["losetup", "--find", "--show", str(tmp_path / name)]
            paths.append(subprocess.check_output(command, text=True).strip())
        yield paths[0], paths[1]
    finally:
        for path in paths:
            subprocess.run(["losetup", "--detach", path], check=True)
