"""Before machines are dropped `kboot up` asks, also where nobody can say whether they are installed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.bring_up.stranded import stranded_machines
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder, dump
from support.fleets import Fleet

DESC = Fleet(3).desc


@pytest.fixture
def fewer(tmp_path: Path) -> Path:
    """A description of the cluster in force without its last machine."""
    path = tmp_path / "cluster.yaml"
    path.write_bytes(dump(DESC.model_copy(update={"nodes": DESC.nodes[:-1]})))
    folder = ClusterFolder(tmp_path / "root", DESC.cluster.name)
    folder.path.mkdir(parents=True)
    folder.description.write_bytes(dump(DESC))
    return path


def test_a_cluster_whose_server_cannot_be_asked_strands_all_that_are_dropped(fewer: Path, tmp_path: Path) -> None:
    assert stranded_machines(fewer, tmp_path / "root") == [DESC.nodes[-1].name]


def test_a_cluster_whose_server_is_away_strands_them_too(fewer: Path, tmp_path: Path) -> None:
    load_or_create(ClusterFolder(tmp_path / "root", DESC.cluster.name), DESC, datetime.now(UTC))
    assert stranded_machines(fewer, tmp_path / "root") == [DESC.nodes[-1].name]
