"""Renders on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kboot.bring_up.render_folder import Change, FileChange, differences, write_render
from kboot.errors import KbootError
from kboot.render import RenderedFile
from kboot_clusterdesc import ClusterFolder


def rendered(content: bytes, mode: int = 0o644) -> RenderedFile:
    """A rendered file of the user who runs the test."""
    return RenderedFile(content, mode, os.geteuid())


def test_a_second_write_of_the_same_render_changes_nothing(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    render = {"compose.yaml": rendered(b"x"), "nodes/a/ignition.json": rendered(b"{}", 0o600)}
    assert len(write_render(folder, render)) == 2
    assert write_render(folder, render) == []
    assert (folder.nodes / "a" / "ignition.json").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_longer_rendered_goes_with_its_folder(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    write_render(folder, {"nodes/a/x": rendered(b"1"), "nodes/b/x": rendered(b"1")})
    assert write_render(folder, {"nodes/a/x": rendered(b"1")}) == [FileChange("nodes/b/x", Change.REMOVED)]
    assert not (folder.nodes / "b").exists()


def test_another_mode_is_a_change(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    write_render(folder, {"config/x": rendered(b"1")})
    assert differences(folder, {"config/x": rendered(b"1", 0o600)}) == [FileChange("config/x", Change.CHANGED)]


def test_a_write_that_fails_leaves_what_was_in_force(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    before = {f"nodes/{i}/x": rendered(b"1") for i in range(20)}
    write_render(folder, before)
    (folder.nodes / "a").write_text("in the way of a folder")
    with pytest.raises(KbootError):
        write_render(folder, {**{path: rendered(b"2") for path in [*before][:-1]}, "nodes/a/x": rendered(b"1")})
    assert all((folder.path / path).read_bytes() == b"1" for path in before)
