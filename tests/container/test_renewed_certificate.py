"""A certificate of the cloud-config server that was made anew is taken over inside of the container that runs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.bring_up.served_certificate import certificate_of
from kboot_compose.service_names import SERVICE_NAMES
from kboot_compose.services import HAND_OVER
from support.cluster import TestCluster, cluster_up


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """One cluster for the tests of this file."""
    root: Path = tmp_path_factory.mktemp("root")
    with cluster_up(root, "ct-renewed", "10.77.33.0/24") as made:
        yield made


def _served(cluster: TestCluster) -> bytes | None:
    return certificate_of(str(cluster.bootstrapper), 443)


def _written(cluster: TestCluster) -> bytes:
    return ssl.PEM_cert_to_DER_cert((cluster.folder.tls / "cloudconfig" / "server.pem").read_text())


def _generation(cluster: TestCluster) -> str:
    told: bytes = cluster.container("cloudconfig").exec_run(["cat", HAND_OVER]).output
    return told.decode().strip()


def test_up_has_the_next_server_take_it_over_and_a_second_up_does_nothing(cluster: TestCluster) -> None:
    before, old = {name: cluster.container(name).id for name in SERVICE_NAMES}, _served(cluster)
    assert cluster.kboot("certs", "renew", "cloudconfig").returncode == 0
    outcome = cluster.up()
    assert {change.path for change in outcome.changes} == {"tls/cloudconfig/server.pem", "tls/cloudconfig/server.key"}
    assert outcome.recreated == []
    assert {name: cluster.container(name).id for name in SERVICE_NAMES} == before
    assert _served(cluster) == _written(cluster) != old
    assert _generation(cluster) == "2 serving"
    cluster.up()
    assert _generation(cluster) == "2 serving"


def test_start_does_what_an_up_that_was_killed_left(cluster: TestCluster) -> None:
    assert cluster.kboot("certs", "renew", "cloudconfig").returncode == 0
    for name in ("pem", "key"):
        made = cluster.folder.pki / f"cloudconfig.{name}"
        (cluster.folder.tls / "cloudconfig" / f"server.{name}").write_bytes(made.read_bytes())
    assert _served(cluster) != _written(cluster)
    assert cluster.kboot("start").returncode == 0
    assert _served(cluster) == _written(cluster)
