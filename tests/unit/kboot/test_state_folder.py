"""Renders on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from kboot.state_folder import Change, FileChange, differences, make_data_folders, write_render
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import STATE_MARK


@dataclass(frozen=True)
class Rendered:
    """Stands for a rendered file of the user who runs the test."""

    content: bytes
    mode: int = 0o644
    uid: int = os.geteuid()


def test_a_second_write_of_the_same_render_changes_nothing(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    render = {"compose.yaml": Rendered(b"x"), "nodes/a/ignition.json": Rendered(b"{}", 0o600)}
    assert len(write_render(folder, render)) == 2
    assert write_render(folder, render) == []
    assert (folder.nodes / "a" / "ignition.json").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_longer_rendered_goes_with_its_folder(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    write_render(folder, {"nodes/a/x": Rendered(b"1"), "nodes/b/x": Rendered(b"1")})
    assert write_render(folder, {"nodes/a/x": Rendered(b"1")}) == [FileChange("nodes/b/x", Change.REMOVED)]
    assert not (folder.nodes / "b").exists()


def test_another_mode_is_a_change(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    write_render(folder, {"config/x": Rendered(b"1")})
    assert differences(folder, {"config/x": Rendered(b"1", 0o600)}) == [FileChange("config/x", Change.CHANGED)]


def test_a_cluster_that_begins_is_marked_also_when_the_first_run_broke_off(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    folder.state.mkdir(parents=True)
    make_data_folders(folder)
    assert (folder.state / STATE_MARK).is_file()
    assert "cloudconfig takes this file away" in (folder.state / STATE_MARK).read_text()


@pytest.mark.parametrize(
    "older",
    ["cluster.yaml", "pki/cluster-ca.key", "config/dhcp-hosts", "nodes/x/report-token", "leases/dnsmasq.leases"],
)
def test_g23_a_cluster_that_was_in_force_is_not_taken_for_a_new_one(tmp_path: Path, older: str) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    (folder.path / older).parent.mkdir(parents=True)
    (folder.path / older).touch()
    make_data_folders(folder)
    assert list(folder.state.iterdir()) == []
