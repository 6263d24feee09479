"""Services that are stopped end by themselves, and come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_compose.service_names import SERVICE_NAMES
from support.cluster import TestCluster, cluster_up


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """One cluster for the tests of this file."""
    root: Path = tmp_path_factory.mktemp("root")
    with cluster_up(root, "ct-stopped", "10.77.36.0/24") as made:
        yield made


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_that_is_stopped_ends_by_itself_and_start_brings_it_back(cluster: TestCluster, service: str) -> None:
    cluster.compose("stop", service)
    container = cluster.container(service)
    assert container.attrs["State"]["ExitCode"] in (0, 143)
    assert "FATAL" not in container.logs(tail=5).decode()
    down = cluster.kboot("status")
    assert down.returncode == 3
    assert f"{service} (" in down.stdout
    assert "was stopped: no " in down.stdout
    assert "next: kboot start" in down.stdout
    assert cluster.kboot("start").returncode == 0
    assert cluster.kboot("status").returncode == 0
