"""`kboot os` on the real engine: the updater's program runs once on the cluster's store, beside the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_compose.services import UPDATER
from service.updater.payload_site import flip_byte
from service.updater.payloads import payload_signer, public_pem
from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey
from support.cluster import TestCluster, cluster_up

RELEASE = "3975.2.0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster that has no release, and trusts the keys of these tests."""
    root: Path = tmp_path_factory.mktemp("root")
    with cluster_up(root, "ct-os", "10.77.24.0/24") as made:
        yield made


@pytest.fixture(scope="module")
def release(cluster: TestCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signed release, whose keys the description names from now on."""
    key = SigningKey("site")
    (cluster.root / "site.asc").write_bytes(key.public())
    (cluster.root / "payload.pem").write_bytes(public_pem(payload_signer()))
    text = cluster.path.read_text().replace("os: {", "os: {release_key: site.asc, ")
    cluster.path.write_text(text.replace("update: {", "update: {payload_key: payload.pem, "))
    cluster.up()
    folder = ReleaseServer(tmp_path_factory.mktemp("upstream")).release(RELEASE, key)
    key.close()
    return folder


def test_a_release_is_brought_verified_and_in_force(cluster: TestCluster, release: Path) -> None:
    done = cluster.kboot("os", "import", str(release))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"stable: release {RELEASE} is in force"
    assert "copying 1 of 10: version.txt" in done.stderr
    listed = json.loads(cluster.kboot("os", "list", "--json").stdout)
    (shown,) = listed["releases"]
    assert (listed["current"], shown["verified"], shown["payload"]) == (RELEASE, True, True)
    stored = cluster.folder.images / "stable" / RELEASE
    assert {path.stat().st_uid for path in stored.iterdir()} == {UPDATER.user.uid}


def test_the_store_is_verified_and_what_is_damaged_brought_anew(cluster: TestCluster, release: Path) -> None:
    done = cluster.kboot("os", "verify")
    assert (done.returncode, done.stdout) == (0, f"{RELEASE}: whole, with its update payload\n"), done.stderr
    kernel = cluster.folder.images / "stable" / RELEASE / NAMES.kernel
    kernel.write_bytes(flip_byte(kernel.read_bytes()))
    done = cluster.kboot("os", "verify")
    assert done.returncode == 1
    assert f"{RELEASE}: damaged: {NAMES.kernel} is refused" in done.stdout
    assert cluster.kboot("os", "import", str(release)).returncode == 0
    assert cluster.kboot("os", "verify").returncode == 0


def test_what_cannot_be_had_is_told_in_one_paragraph(cluster: TestCluster, release: Path) -> None:
    done = cluster.kboot("os", "use", "4999.1.0")
    assert done.returncode == 1
    assert "4999.1.0/version.txt" in done.stderr
    assert "hint: `kboot os list` shows the releases that are here" in done.stderr
    assert "Traceback" not in done.stderr
