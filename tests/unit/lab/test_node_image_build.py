"""Images of nodes are made from the binaries at hand, under the names that the description gives them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from kboot_clusterdesc import ClusterDesc, load_text
from kboot_lab.kubernetes import BINARIES
from kboot_lab.node_image_build import build_node_images

_DESCRIPTION = """
apiVersion: kboot/v1
cluster: {name: lab, domain: lab.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 1h}
nodes: [{mac: "52:54:00:0a:0e:01", roles: [ROLE]}]
"""


def describe(role: str, more: str = "") -> ClusterDesc:
    return load_text(_DESCRIPTION.replace("ROLE", role) + more, "lab.yaml")


@pytest.fixture
def binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "binaries"
    folder.mkdir()
    for name in BINARIES:
        (folder / name).write_text(f"program {name}")
    return folder


def programs(archive: Path) -> set[str]:
    with tarfile.open(archive) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        layer = image.extractfile(json.load(manifest)[0]["Layers"][0])
        with tarfile.open(fileobj=layer) as tar:
            return {member.name for member in tar.getmembers() if member.isfile()}


def test_etcd_has_its_three_programs_where_the_released_image_has_them(binaries: Path) -> None:
    (reference, archive), *others = build_node_images(describe("etcd"), binaries, lambda _: None).items()
    assert (reference, others) == ("registry.k8s.io/etcd:3.6.8-0", [])
    assert programs(archive) == {"usr/local/bin/etcd", "usr/local/bin/etcdctl", "usr/local/bin/etcdutl"}


def test_an_image_bears_the_reference_that_the_description_gives_it(binaries: Path) -> None:
    desc = describe("etcd", "images: {etcd: example.com/etcd:mine}\n")
    assert list(build_node_images(desc, binaries, lambda _: None)) == ["example.com/etcd:mine"]


def test_a_second_run_makes_nothing_and_a_new_binary_makes_a_new_archive(binaries: Path) -> None:
    said: list[str] = []
    first = build_node_images(describe("etcd"), binaries, said.append)
    again = build_node_images(describe("etcd"), binaries, said.append)
    assert (again, said) == (first, ["making the image registry.k8s.io/etcd:3.6.8-0"])
    (binaries / "etcd").write_text("another etcd")
    assert build_node_images(describe("etcd"), binaries, said.append) != first


def test_a_machine_that_needs_no_image_gets_none(binaries: Path) -> None:
    assert build_node_images(describe("worker"), binaries, lambda _: None) == {}
