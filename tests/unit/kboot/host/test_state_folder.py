"""The cluster's folder before anything is rendered into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.host.stamp import migrate
from kboot.host.state_folder import begun_clusters, clusters, make_data_folders, other_files, remove
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import STATE_MARK


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
def test_a_cluster_that_was_in_force_is_not_taken_for_a_new_one(tmp_path: Path, older: str) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    (folder.path / older).parent.mkdir(parents=True)
    (folder.path / older).touch()
    make_data_folders(folder)
    assert list(folder.state.iterdir()) == []


def test_a_removal_that_was_killed_leaves_no_cluster_and_the_next_one_completes_it(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "rack")
    make_data_folders(folder)
    (tmp_path / ".rack.removed" / "pki").mkdir(parents=True)  # of a run that was killed
    assert other_files(tmp_path) == [tmp_path / ".rack.removed"]
    remove(folder)
    remove(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_was_begun_counts_before_it_has_a_description(tmp_path: Path) -> None:
    migrate(ClusterFolder(tmp_path, "begun"), lambda text: None)
    (tmp_path / "somebody's").mkdir()
    assert (begun_clusters(tmp_path), clusters(tmp_path)) == (["begun"], [])
