"""The registry in use: many images, one of large layers, a killed push, a prune, and what `kboot up` fills."""

from __future__ import annotations

import io
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kboot.host.progress import Progress
from kboot.host.waiting import looks
from kboot.supplies.assets import needed_assets
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import load as load_description
from kboot_clusterdesc.node_images import node_images
from support.bundles import digest_of, file_item, image_item, manifest_of
from support.cluster import TestCluster
from support.image_archives import MANIFEST, docker_archive, docker_image, large_oci_archive
from support.programs import program
from support.real_registry import pull_image

_VERSION = "v1.36.2"
_MANY = [f"quay.io/many/image-{number}:1" for number in range(39)]
_LARGE = "quay.io/many/large:1"
_OWN = "quay.io/own/app:1"
_POD = f"""apiVersion: v1
kind: Pod
metadata: {{name: own}}
spec: {{containers: [{{name: own, image: "{_OWN}"}}]}}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """A cluster with Kubernetes and a manifest of the operator's own, whose machines stay switched off."""
    root = tmp_path_factory.mktemp("root")
    made = TestCluster(root, "ct-registry", "10.77.21.0/24", "control-plane, etcd")
    (root / "own.yaml").write_text(_POD)
    made.updates = False
    made.describe(kubernetes=f"{{version: {_VERSION}, cni: {{name: none}}, manifests: [own.yaml]}}")
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def staged(cluster: TestCluster) -> Path:
    """Forty archives that wait, one of them with four layers of 50 MB."""
    folder = cluster.folder.staging / "images"
    folder.mkdir(parents=True)
    for number, name in enumerate(_MANY):
        docker_archive(folder / f"{number:02}.tar", name, text=name)
    large_oci_archive(folder / "large.tar", _LARGE, [os.urandom(1 << 20) * 50 for _ in range(4)])
    return folder


def listed(cluster: TestCluster) -> dict[str, str | None]:
    """repository -> digest, of everything in the registry and what it lacks."""
    found = json.loads(cluster.kboot("images", "list", "--all", "--json").stdout)
    return {each["repository"]: each["digest"] for each in found}


def writes(cluster: TestCluster) -> int:
    """How many requests changed something in the registry."""
    log = cluster.compose("logs", "registry")
    return sum(log.count(f'"{method} /v2/') for method in ("POST", "PATCH", "PUT", "DELETE"))


def pulls(cluster: TestCluster, is_over: threading.Event) -> Iterator[int]:
    """The bytes of the large image, each time that a node pulls it; every digest is looked at."""
    trust = ssl.create_default_context(cafile=str(cluster.folder.pki / "cluster-ca.pem"))
    base = f"https://{cluster.bootstrapper}:5000"
    while not is_over.is_set():
        with httpx.Client(
            base_url=base, verify=trust, headers={"Accept": MANIFEST}, timeout=60, trust_env=False
        ) as node:
            yield pull_image(node, "many/large", "1")


def test_forty_images_are_pushed_listed_verified_and_not_pushed_again(cluster: TestCluster, staged: Path) -> None:
    pushed = cluster.kboot("images", "push")
    assert pushed.returncode == 0, pushed.stderr
    assert "pushing 3 of 40: " in pushed.stderr
    there = listed(cluster)
    assert len([name for name, digest in there.items() if name.startswith("many/") and digest]) == 40
    verified = cluster.kboot("images", "verify", *_MANY, _LARGE)
    assert (verified.returncode, verified.stdout) == (0, ""), verified.stdout
    before = writes(cluster)
    again = cluster.kboot("images", "push")
    assert (again.returncode, again.stdout) == (0, pushed.stdout)
    assert again.stderr.count("already there ") == 40
    assert writes(cluster) == before


def test_a_push_in_which_the_registry_was_killed_completes_when_it_is_pushed_again(
    cluster: TestCluster, staged: Path, tmp_path: Path
) -> None:
    before = listed(cluster)
    archive, other = tmp_path / "cut.tar", "quay.io/many/cut:1"
    large_oci_archive(archive, other, [os.urandom(1 << 20) * 60 for _ in range(3)])
    uploads = cluster.folder.registry / "docker/registry/v2/repositories/many/cut/_uploads"
    command = [sys.executable, "-m", "kboot.cli.main", "images", "push", str(archive), "--root", str(cluster.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as push:
        assert any(list(uploads.glob("*/data")) for _ in looks(60, 0.01))
        cluster.compose("kill", "registry")
        said = push.communicate(timeout=120)[1]
    assert push.returncode == 1, said
    cluster.compose("start", "registry")
    cluster.engine.wait_healthy(Progress(io.StringIO()), 60)
    assert listed(cluster) == before
    assert cluster.kboot("images", "verify", *_MANY, _LARGE).returncode == 0
    pushed = cluster.kboot("images", "push", str(archive))
    assert pushed.returncode == 0, pushed.stderr
    assert cluster.kboot("images", "verify", other).returncode == 0


def test_a_prune_leaves_what_the_description_and_manifests_name(cluster: TestCluster, tmp_path: Path) -> None:
    etcd = "registry.k8s.io/etcd:3.6.8-0"
    for name in (_OWN, etcd):
        docker_archive(tmp_path / "a.tar", name, text=name)
        assert cluster.kboot("images", "load", str(tmp_path / "a.tar")).returncode == 0
    dry = cluster.kboot("images", "prune", "--dry-run", "--keep", "many/large:*")
    assert dry.returncode == 0, dry.stderr
    assert dry.stderr.endswith(" stay\n")
    is_over, pulled, failed = threading.Event(), list[int](), list[Exception]()

    def pull() -> None:
        try:
            pulled.extend(pulls(cluster, is_over))
        except (httpx.HTTPError, AssertionError) as error:
            failed.append(error)

    thread = threading.Thread(target=pull)
    thread.start()
    try:
        pruned = cluster.kboot("images", "prune", "--keep", "many/large:*")
    finally:
        is_over.set()
        thread.join(120)
    assert (pruned.returncode, pruned.stdout) == (0, dry.stdout), pruned.stderr
    assert failed == []
    assert pulled
    there = {name for name, digest in listed(cluster).items() if digest}
    assert there == {"many/large", "own/app", "etcd"}
    assert cluster.kboot("images", "load", str(tmp_path / "a.tar")).returncode == 0  # pushes are taken again at once
    assert cluster.kboot("images", "verify", _LARGE, _OWN, etcd).returncode == 0


def load(cluster: TestCluster, files: dict[str, bytes], images: dict[str, list[bytes]]) -> None:
    """Have a bundle with these binaries and node images loaded."""
    store = SupplyStore(cluster.root)
    store.incoming.mkdir(parents=True, exist_ok=True)
    contents = {
        digest_of(each)[7:]: each for each in (*files.values(), *(part for all in images.values() for part in all))
    }
    for name, content in contents.items():
        (store.incoming / name).write_bytes(content)
    items = [file_item(content, path, Kind.BINARY, version=_VERSION) for path, content in files.items()]
    items += [image_item(parts, reference) for reference, parts in images.items()]
    store.publish(manifest_of(*items), list(store.incoming.iterdir()))


def test_up_pushes_and_places_what_bundles_and_staged_archives_hold(cluster: TestCluster) -> None:
    desc = load_description(cluster.path)
    etcd, *others = node_images(desc).values()
    assert cluster.kboot("images", "verify", etcd).returncode == 0
    brought = {name: docker_image(f"of the bundle: {name}") for name in others[1:]}
    load(cluster, {path: program(f"Kubernetes {_VERSION}") for path in needed_assets(desc)}, brought)
    docker_archive(cluster.folder.staging / "images" / "zz.tar", others[0], text="staged")
    said, again = io.StringIO(), io.StringIO()
    cluster.up(said)
    assert f"pushing 1 of {len(others)}: {others[0]} from zz.tar\n" in said.getvalue()
    assert f"pushing {len(others)} of {len(others)}: {others[-1]} from .supplies\n" in said.getvalue()
    assert not [text for text in ("not in the registry yet", "not here yet") if text in said.getvalue()]
    for words in (["images", "list"], ["images", "verify"], ["assets", "verify"]):
        assert cluster.kboot(*words).returncode == 0, words
    there = {each["reference"]: each["digest"] for each in json.loads(cluster.kboot("images", "list", "--json").stdout)}
    assert {name: there[name] for name in brought} == {name: digest_of(parts[0]) for name, parts in brought.items()}
    before = writes(cluster)
    cluster.up(again)
    assert "pushing" not in again.getvalue()
    assert writes(cluster) == before
