"""Images that are here already are pushed into a registry, each by itself and however it is spelt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kboot.errors import BadInput, KbootError
from kboot.host.engine import Engine
from kboot.supplies.fill import fill_images
from kboot.supplies.node_images import NodeImages
from kboot.supplies.skopeo import Skopeo, Source
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import repository_and_tag
from support.broken_registry import BrokenRegistry
from support.bundles import digest_of, image_contents, image_item, manifest_of
from support.image_archives import MANIFEST, docker_archive
from support.registry_site import registry_site

_BAD, _OWN, _BROUGHT, _STAGED = "quay.io/a/bad:1", "nginx:1.27", "busybox:1.36", "quay.io/z/last:1"
_PUSHED = image_contents(b'{"architecture": "amd64", "os": "linux"}', b"layer")


class _Copier(Skopeo):
    """Stands for skopeo: it puts one image under every name but one, whose blobs it cannot read."""

    def __init__(self, engine: Engine, folder: ClusterFolder, desc: ClusterDesc, registry: BrokenRegistry) -> None:
        super().__init__(engine, folder, desc)
        self._far = registry
        self.lists: set[str] = set()
        self.takes_all = False

    def platforms(self, source: Source, reference: str) -> list[str]:
        """All that is public says so."""
        return ["linux/arm64"]

    def is_list(self, source: Source, reference: str) -> bool:
        """Some are."""
        return reference in self.lists

    def copy(self, source: Source, reference: str) -> str:
        """Put it there."""
        self.takes_all = source.takes_all
        if reference == _BAD:
            raise KbootError(f"{reference}: not pushed: unexpected EOF", "bring it again")
        self._far.blobs |= {digest_of(blob): blob for blob in _PUSHED[1:]}
        self._far.put_manifest(*repository_and_tag(reference), MANIFEST, _PUSHED[0])
        return digest_of(_PUSHED[0])


def _load(root: Path, *names: str) -> None:
    """Have a bundle with these images loaded."""
    store = SupplyStore(root)
    store.incoming.mkdir(parents=True)
    for content in _PUSHED:
        (store.incoming / digest_of(content)[7:]).write_bytes(content)
    store.publish(manifest_of(*(image_item(_PUSHED, name) for name in names)), list(store.incoming.iterdir()))


def test_a_pull_believes_a_list_and_keeps_it_beside_the_image_whose_configuration_says_otherwise(
    tmp_path: Path,
) -> None:
    far = BrokenRegistry()
    with registry_site(tmp_path, "svc-pull", "127.77.24.253", far) as (folder, desc):
        engine = Engine(folder)
        copier = _Copier(engine, folder, desc, far)
        copier.lists.add(_BROUGHT)
        registry = NodeImages(engine, folder, desc, skopeo=copier)
        with pytest.raises(BadInput, match="is for linux/arm64, this cluster needs linux/amd64"):
            registry.pull(_OWN, print)
        assert registry.pull(_BROUGHT, print).digest == digest_of(_PUSHED[0])
        assert copier.takes_all


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[NodeImages, ClusterFolder, ClusterDesc]]:
    """A cluster with an empty registry."""
    registry = BrokenRegistry()
    with registry_site(tmp_path, "svc-fill", "127.77.23.253", registry) as (folder, desc):
        engine = Engine(folder)
        yield NodeImages(engine, folder, desc, skopeo=_Copier(engine, folder, desc, registry)), folder, desc


def _filled(site: tuple[NodeImages, ClusterFolder, ClusterDesc], images: Sequence[str]) -> list[str]:
    said: list[str] = []
    fill_images(*site, images, said.append)
    return said


def test_an_image_that_cannot_be_pushed_is_said_at_the_end_and_the_others_are_there(
    site: tuple[NodeImages, ClusterFolder, ClusterDesc],
) -> None:
    registry, folder, _ = site
    (folder.staging / "images").mkdir(parents=True)
    docker_archive(folder.staging / "images" / "arm.tar", "quay.io/a/arm:1", arch="arm64")
    docker_archive(folder.staging / "images" / "last.tar", _STAGED)
    _load(folder.root, _BAD, _BROUGHT)
    images = [_BAD, "quay.io/a/arm:1", _BROUGHT, _STAGED]
    said = _filled(site, images)
    assert [each is not None for each in registry.digests(images).values()] == [False, False, True, True]
    assert said[-2].startswith(f"{_BAD}: not pushed: unexpected EOF")
    assert "quay.io/a/arm:1: is for linux/arm64, this cluster needs linux/amd64" in said[-1]


def test_an_archive_for_other_machines_does_not_hide_what_a_bundle_brought(
    site: tuple[NodeImages, ClusterFolder, ClusterDesc],
) -> None:
    registry, folder, _ = site
    staged = folder.staging / "images" / "arm.tar"
    staged.parent.mkdir(parents=True)
    docker_archive(staged, _BROUGHT, arch="arm64")
    _load(folder.root, _BROUGHT)
    said = _filled(site, [_BROUGHT])
    assert registry.digests([_BROUGHT])[_BROUGHT] == digest_of(_PUSHED[0])
    assert (
        f"{staged}: {_BROUGHT}: is for linux/arm64, this cluster needs linux/amd64; the next source is tried"
    ) in said


@pytest.mark.parametrize("spelt", [_OWN, f"docker.io/library/{_OWN}"])
def test_of_several_archives_of_one_image_that_for_the_cluster_s_machines_is_pushed(
    site: tuple[NodeImages, ClusterFolder, ClusterDesc], spelt: str
) -> None:
    registry, folder, _ = site
    staged = folder.staging / "images"
    staged.mkdir(parents=True)
    docker_archive(staged / "nginx-amd64.tar", _OWN)
    docker_archive(staged / "nginx-arm64.tar", spelt, arch="arm64")
    said = _filled(site, [_OWN])
    assert registry.digests([_OWN])[_OWN] == digest_of(_PUSHED[0])
    fault = f"{_OWN}: is for linux/arm64, this cluster needs linux/amd64; the next source is tried"
    assert f"{staged}/nginx-arm64.tar: {fault}" in said


def test_of_several_archives_of_one_image_for_the_cluster_s_machines_the_last_is_pushed(
    site: tuple[NodeImages, ClusterFolder, ClusterDesc],
) -> None:
    _, folder, _ = site
    staged = folder.staging / "images"
    staged.mkdir(parents=True)
    for name in ("nginx-2.tar", "nginx-1.tar", "nginx-3.tar"):
        docker_archive(staged / name, _OWN)
    assert [text for text in _filled(site, [_OWN]) if text.startswith("pushing ")] == [
        f"pushing 1 of 1: {_OWN} from nginx-3.tar"
    ]


def test_an_image_is_known_by_its_full_name_however_manifests_spell_it(
    site: tuple[NodeImages, ClusterFolder, ClusterDesc],
) -> None:
    registry, folder, _ = site
    (folder.staging / "images").mkdir(parents=True)
    docker_archive(folder.staging / "images" / "own.tar", f"docker.io/library/{_OWN}")
    _load(folder.root, f"docker.io/library/{_BROUGHT}")
    _filled(site, [_OWN, _BROUGHT])
    assert None not in registry.digests([_OWN, _BROUGHT]).values()
