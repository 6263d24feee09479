"""Binaries and images that are here already, and which `kboot up` puts in place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot.supplies.assets import CNI_NEEDED, KUBERNETES_BINARIES, list_assets, needed_assets
from kboot.supplies.fill import fill_assets, staged_images
from kboot.supplies.missing import missing_supplies
from kboot.supplies.standing import Standing
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterFolder, load_text
from support.bundles import digest_of, file_item, manifest_of
from support.image_archives import docker_archive, oci_archive
from support.killed import kill_at, moments
from support.programs import arm_program, program
from unit.clusterdesc.sample import SAMPLE

DESC = load_text(SAMPLE, "rack.yaml")
VERSION = "v1.36.2"
PATHS = needed_assets(DESC)


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A cluster without binaries."""
    found = ClusterFolder(tmp_path, "ail")
    found.assets.mkdir(parents=True)
    return found


def load(folder: ClusterFolder, contents: dict[str, bytes], arch: str = "amd64") -> None:
    """Have a bundle with these binaries loaded."""
    store = SupplyStore(folder.root)
    store.incoming.mkdir(parents=True, exist_ok=True)
    for content in contents.values():
        (store.incoming / digest_of(content)[7:]).write_bytes(content)
    items = [file_item(content, path, arch=arch, version=VERSION) for path, content in contents.items()]
    store.publish(manifest_of(*items, arch=(arch,)), list(store.incoming.iterdir()))


def binaries(*paths: str) -> dict[str, bytes]:
    """Programs that say who they are."""
    said = dict.fromkeys(KUBERNETES_BINARIES, f"Kubernetes {VERSION}")
    return {path: program(said.get(path.rpartition("/")[2], path)) for path in paths}


def standings(folder: ClusterFolder) -> dict[str, Standing]:
    return {each.path: each.standing for each in list_assets(folder, DESC)}


def test_missing_binaries_are_placed_with_their_sums_and_the_plugins_beside_them(folder: ClusterFolder) -> None:
    said: list[str] = []
    fill_assets(folder, DESC, said.append)
    assert said == []
    load(folder, binaries(*PATHS, "cni/vlan", "kubernetes/v1.35.0/kubelet"))
    fill_assets(folder, DESC, said.append)
    assert standings(folder) == dict.fromkeys([*PATHS, "cni/vlan"], Standing.OK)
    names = sorted([*KUBERNETES_BINARIES, *CNI_NEEDED, "vlan"])
    assert said == [f"placing 7 binaries: {', '.join(names)}"]
    for place in ("cni", f"kubernetes/{VERSION}"):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder.assets / place, check=True)
    fill_assets(folder, DESC, said.append)
    assert len(said) == 1


def test_binaries_that_a_kill_left_without_sums_are_said_and_placed_again(folder: ClusterFolder) -> None:
    load(folder, binaries(*PATHS, "cni/vlan"))

    def place() -> None:
        fill_assets(folder, DESC, lambda _: None)

    for change in moments(place, 12):
        shutil.rmtree(folder.assets)
        kill_at(place, change)
        wrong = [path for path, standing in standings(folder).items() if standing is Standing.WRONG and path in PATHS]
        said = [text for text in missing_supplies(folder, DESC, ()) if "is not in SHA256SUMS" in text]
        assert [text.partition(": ")[0] for text in said] == ([f"assets {', '.join(wrong)}"] if wrong else [])
        place()
        assert standings(folder) == dict.fromkeys([*PATHS, "cni/vlan"], Standing.OK)


def test_what_an_operator_placed_by_hand_is_replaced_by_what_a_bundle_brought_alone(folder: ClusterFolder) -> None:
    own = folder.assets / "kubernetes" / VERSION / "kubelet"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own")
    fill_assets(folder, DESC, lambda _: None)
    assert own.read_bytes() == b"my own"
    (said,) = [text for text in missing_supplies(folder, DESC, ()) if "SHA256SUMS" in text]
    assert said.startswith(f"assets kubernetes/{VERSION}/kubelet: is not in SHA256SUMS: `kboot assets pull`, or ")
    brought = binaries(f"kubernetes/{VERSION}/kubelet")
    load(folder, brought)
    fill_assets(folder, DESC, lambda _: None)
    assert [own.read_bytes()] == list(brought.values())


def test_of_what_is_partly_here_that_part_is_placed(folder: ClusterFolder) -> None:
    load(folder, binaries(f"kubernetes/{VERSION}/kubelet"))
    fill_assets(folder, DESC, lambda _: None)
    here = f"kubernetes/{VERSION}/kubelet"
    assert standings(folder) == {path: Standing.OK if path == here else Standing.MISSING for path in PATHS}


def test_binaries_of_another_architecture_are_left(folder: ClusterFolder) -> None:
    load(folder, {path: arm_program(path) for path in PATHS}, "arm64")
    fill_assets(folder, DESC, lambda _: None)
    assert set(standings(folder).values()) == {Standing.MISSING}


def test_a_binary_whose_bytes_changed_in_the_store_is_not_placed(folder: ClusterFolder) -> None:
    contents = binaries(f"kubernetes/{VERSION}/kubelet")
    load(folder, contents)
    (content,) = contents.values()
    SupplyStore(folder.root).blob(digest_of(content)).write_bytes(content + b" ")
    with pytest.raises(BadInput, match=r"its bytes are .*, not those of kubelet"):
        fill_assets(folder, DESC, lambda _: None)
    assert standings(folder)[f"kubernetes/{VERSION}/kubelet"] is Standing.MISSING


def test_archives_that_are_staged_are_known_by_their_names_and_a_bad_one_is_told(folder: ClusterFolder) -> None:
    staged = folder.staging / "images"
    staged.mkdir(parents=True)
    docker_archive(staged / "a.tar", "a.example.com/a:1", "b.example.com/b:1")
    oci_archive(staged / "c.tar", "c.example.com/c:1")
    oci_archive(staged / "nameless.tar")
    (staged / "bad.tar").write_bytes(b"no tar")
    (staged / ".half.tar").write_bytes(b"no tar")
    said: list[str] = []
    found = {name: [path.name for path in paths] for name, paths in staged_images(folder, said.append).items()}
    assert found == {"a.example.com/a:1": ["a.tar"], "b.example.com/b:1": ["a.tar"], "c.example.com/c:1": ["c.tar"]}
    (only,) = said
    assert only.startswith(f"{staged}/bad.tar: is no image archive")
