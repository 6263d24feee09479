"""`kboot images` with the registry service, and with a registry that does not keep what it takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kboot.host.engine import LABEL_TASK, Engine
from kboot.host.waiting import looks
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import node_images
from support.broken_registry import BrokenRegistry
from support.cluster import TestCluster, cluster_up
from support.image_archives import docker_archive, oci_archive
from support.registry_site import PAUSE, registry_site

_INTERFACE, _ADDRESS, _BROKEN = "kboot-t54", "10.77.19.253", "ct-broken"
_ETCD = "registry.k8s.io/etcd:3.6.8-0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster that needs one image, with the registry service."""
    with cluster_up(tmp_path_factory.mktemp("root"), "ct-images", "10.77.17.0/24", "etcd") as made:
        yield made


def _tasks(engine: Engine) -> list[Any]:
    filters: dict[str, str | list[str] | bool] = {"label": f"{LABEL_TASK}={engine.folder.cluster}"}
    return engine.client.containers.list(all=True, filters=filters, ignore_removed=True)


def _staged(folder: ClusterFolder) -> list[str]:
    return sorted(path.name for path in folder.staging.iterdir())


def test_an_image_that_is_missing_is_listed_loaded_and_then_whole(cluster: TestCluster, tmp_path: Path) -> None:
    listed = cluster.kboot("images", "list", "--json")
    assert listed.returncode == 3, listed.stderr
    assert json.loads(listed.stdout) == [{"key": "etcd", "reference": _ETCD, "repository": "etcd", "digest": None}]
    lacking = cluster.kboot("images", "verify")
    assert (lacking.returncode, lacking.stdout) == (3, f"missing  {_ETCD}: no manifest\n")

    archive = docker_archive(tmp_path / "etcd.tar", _ETCD)
    archive.chmod(0o600)
    os.chown(archive, 1000, 1000)
    loaded = cluster.kboot("images", "load", str(archive))
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.startswith(f"{_ETCD} sha256:")
    assert cluster.kboot("images", "verify").returncode == 0
    listed = cluster.kboot("images", "list", "--json")
    assert listed.returncode == 0
    assert f"{_ETCD} {json.loads(listed.stdout)[0]['digest']}\n" == loaded.stdout
    assert _tasks(cluster.engine) == []
    assert _staged(cluster.folder) == []


def test_an_image_of_several_architectures_keeps_its_digest(cluster: TestCluster, tmp_path: Path) -> None:
    archive = tmp_path / "with a colon: and blanks.tar"
    digest = oci_archive(archive, arches=("amd64", "arm64"))
    for reference in ("quay.io/tool/two:1", f"quay.io/tool/two@{digest}"):
        pushed = cluster.kboot("images", "push", str(archive), reference)
        assert (pushed.returncode, pushed.stdout) == (0, f"{reference} {digest}\n"), pushed.stderr
        assert cluster.kboot("images", "verify", reference).returncode == 0


def test_of_a_list_that_is_not_whole_our_architecture_is_pushed(cluster: TestCluster, tmp_path: Path) -> None:
    archive = tmp_path / "part.tar"
    digest = oci_archive(archive, arches=("amd64", "arm64"), left_out=("arm64",))
    pushed = cluster.kboot("images", "push", str(archive), "quay.io/tool/part:1")
    assert pushed.returncode == 0, pushed.stderr
    assert digest not in pushed.stdout
    refused = cluster.kboot("images", "push", str(archive), f"quay.io/tool/part@{digest}")
    assert refused.returncode == 1
    assert f"quay.io/tool/part@{digest}: not pushed: " in refused.stderr


def test_a_pull_comes_from_another_registry_with_the_authorities_of_the_site(
    cluster: TestCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "source.tar"
    oci_archive(archive)
    source = f"{cluster.bootstrapper}:5000/public/source:1"  # the registry itself plays the public one
    assert cluster.kboot("images", "push", str(archive), "public/source:1").returncode == 0
    refused = cluster.kboot("images", "pull", source)
    assert refused.returncode == 1
    assert "certificate signed by unknown authority" in refused.stderr
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.folder.pki / "cluster-ca.pem"))
    monkeypatch.setenv("NO_PROXY", str(cluster.bootstrapper))
    pulled = cluster.kboot("images", "pull", source)
    assert pulled.returncode == 0, pulled.stderr


def test_without_a_running_registry_the_way_to_start_it_is_named(cluster: TestCluster, tmp_path: Path) -> None:
    archive = docker_archive(tmp_path / "etcd.tar", _ETCD)
    cluster.compose("stop", "registry")
    try:
        refused = cluster.kboot("images", "load", str(archive))
    finally:
        cluster.compose("start", "registry")
    assert refused.returncode == 3
    assert refused.stderr.endswith("error: the registry of ct-images does not run\n  hint: `kboot up FILE` starts it\n")


def test_no_log_of_the_registry_holds_the_credential(cluster: TestCluster) -> None:
    password = (cluster.folder.pki / "registry-push-password").read_text()
    logs = cluster.compose("logs", "registry")
    assert "PUT" in logs
    assert password not in logs


@dataclass(frozen=True, slots=True)
class Broken:
    """A cluster on this machine's network whose registry is the test's own."""

    registry: BrokenRegistry
    folder: ClusterFolder
    desc: ClusterDesc

    def kboot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real command."""
        command = [sys.executable, "-m", "kboot.cli.main", *arguments, "--root", str(self.folder.root)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def broken(tmp_path: Path, service_images: dict[str, str]) -> Iterator[Broken]:
    """Its container only lends its network and its image; an interface stands for the rack's card."""
    registry = BrokenRegistry()
    subprocess.run(["ip", "link", "add", _INTERFACE, "type", "bridge"], check=True)
    engine = Engine(ClusterFolder(tmp_path, _BROKEN))
    try:
        subprocess.run(["ip", "address", "add", f"{_ADDRESS}/24", "dev", _INTERFACE], check=True)
        subprocess.run(["ip", "link", "set", _INTERFACE, "up"], check=True)
        engine.client.containers.run(
            service_images["registry"],
            entrypoint=["sleep", "infinity"],
            network_mode="host",
            init=True,
            detach=True,
            labels={"com.docker.compose.project": engine.project, "com.docker.compose.service": "registry"},
        )
        with registry_site(tmp_path, _BROKEN, _ADDRESS, registry) as (folder, desc):
            yield Broken(registry, folder, desc)
    finally:
        subprocess.run(["ip", "link", "delete", _INTERFACE], check=True)
        engine.down()


def test_a_push_that_is_not_there_afterwards_is_no_success(broken: Broken) -> None:
    wanted = sorted(node_images(broken.desc).values())
    (broken.folder.staging / "images").mkdir(parents=True)
    docker_archive(broken.folder.staging / "images" / "all.tar", *wanted)
    pushed = broken.kboot("images", "push")
    assert pushed.returncode == 0, pushed.stderr
    assert sorted(line.split()[0] for line in pushed.stdout.splitlines()) == wanted
    assert broken.kboot("images", "verify").returncode == 0

    (broken.folder.staging / "images" / "all.tar").unlink()
    docker_archive(broken.folder.staging / "images" / "pause.tar", PAUSE)
    broken.registry.lost_repositories = {"pause"}
    pushed = broken.kboot("images", "push")
    assert pushed.returncode == 1
    assert f"error: {PAUSE}: pushed, but not there afterwards: no manifest" in pushed.stderr
    assert pushed.stdout == ""
    verified = broken.kboot("images", "verify")
    assert (verified.returncode, verified.stdout) == (3, f"missing  {PAUSE}: no manifest\n")


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_layer_that_is_not_there_as_declared_is_no_success(broken: Broken, tmp_path: Path, fault: str) -> None:
    archive = docker_archive(tmp_path / "pause.tar", PAUSE)
    assert broken.kboot("images", "push", str(archive)).returncode == 0
    layer = json.loads(broken.registry.manifests["pause", "3.10"][1])["layers"][0]["digest"]
    if fault == "lost":
        broken.registry.lost_blobs.add(layer)
    else:
        broken.registry.cut_blobs.add(layer)
    pushed = broken.kboot("images", "push", str(archive), PAUSE)
    assert pushed.returncode == 1
    assert f"error: {PAUSE}: pushed, but not there afterwards: layer {layer}: " in pushed.stderr
    assert pushed.stdout == ""
    verified = broken.kboot("images", "verify", "pause")
    assert verified.returncode == 1
    assert verified.stdout.startswith(f"wrong    {PAUSE}: layer {layer}: ")


def test_an_older_image_under_the_name_that_was_pushed_is_no_success(broken: Broken, tmp_path: Path) -> None:
    older, newer = docker_archive(tmp_path / "1.tar", PAUSE), docker_archive(tmp_path / "2.tar", PAUSE, text="newer")
    assert broken.kboot("images", "push", str(older)).returncode == 0
    broken.registry.is_stale = True
    pushed = broken.kboot("images", "push", str(newer))
    assert pushed.returncode == 1
    assert "stands there, sha256:" in pushed.stderr


def test_an_interrupted_push_was_confined_and_leaves_nothing(broken: Broken, tmp_path: Path) -> None:
    archive, engine = docker_archive(tmp_path / "pause.tar", PAUSE), Engine(broken.folder)
    broken.registry.answers_uploads.clear()
    command = [sys.executable, "-m", "kboot.cli.main", "images", "push", str(archive)]
    with subprocess.Popen([*command, "--root", str(broken.folder.root)]) as push:
        try:
            for _ in looks(60):
                if running := [each for each in _tasks(engine) if each.status == "running"]:
                    break
            attrs = running[0].attrs
            assert engine.guests() == []
            push.send_signal(signal.SIGINT)
            code = push.wait(60)
        finally:
            push.kill()
            broken.registry.answers_uploads.set()
    assert (code, _tasks(engine), _staged(broken.folder)) == (130, [], [])
    assert (broken.folder.pki / "registry-push-password").read_text() not in json.dumps(attrs)
    host = attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"], host["Privileged"]) == (True, ["ALL"], None, False)
    assert attrs["Config"]["Labels"]["kboot.cluster"] == _BROKEN
