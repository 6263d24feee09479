"""Many files written at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kboot.host.files import NewFile, write_files


@pytest.fixture
def files(tmp_path: Path) -> list[NewFile]:
    """More files than are written one by one, in two folders."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return [
        NewFile(tmp_path / folder / str(i), f"{folder}{i}".encode(), 0o600 if i % 2 else 0o644, os.geteuid())
        for folder in ("a", "b")
        for i in range(20)
    ]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_all_files_are_there_with_their_content_and_mode(tmp_path: Path, files: list[NewFile], count: int) -> None:
    write_files(files[:count])
    found = {path: (path.read_bytes(), path.stat().st_mode & 0o777) for path in tmp_path.glob("*/*")}
    assert found == {file.path: (file.content, file.mode) for file in files[:count]}


def test_a_failure_leaves_the_old_files_and_nothing_half_written(tmp_path: Path, files: list[NewFile]) -> None:
    files[0].path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        write_files([*files, NewFile(tmp_path / "gone" / "x", b"x")])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["0"]
    assert files[0].path.read_bytes() == b"old"
