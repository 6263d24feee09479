"""Two images that are one name in a registry without hosts: neither takes the other's place unseen."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot.host.engine import Engine
from kboot.supplies.fill import fill_images
from kboot.supplies.image_archive import read_archive
from kboot.supplies.node_images import NodeImages, refuse_unusable
from kboot.supplies.registry import Finding
from kboot.supplies.skopeo import Skopeo, Source
from kboot.supplies.standing import Standing
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import repository_and_tag
from support.broken_registry import BrokenRegistry
from support.bundles import digest_of, image_contents
from support.image_archives import MANIFEST, docker_archive, oci_archive
from support.registry_site import registry_site

_QUAY, _GHCR = "quay.io/tool/app:1", "ghcr.io/tool/app:1"


class _Copier(Skopeo):
    """Stands for skopeo: what is in the archive of `docker save` comes under the name, with its own configuration."""

    def __init__(self, engine: Engine, folder: ClusterFolder, desc: ClusterDesc, registry: BrokenRegistry) -> None:
        super().__init__(engine, folder, desc)
        self._far = registry

    def platforms(self, source: Source, reference: str) -> list[str]:
        return ["linux/amd64"]

    def copy(self, source: Source, reference: str) -> str:
        config = b'{"architecture": "amd64", "os": "linux"}'
        if source.archive is not None:
            with tarfile.open(source.archive) as tar:
                listed = json.load(tar.extractfile("manifest.json") or io.BytesIO())
                config = (tar.extractfile(listed[0]["Config"]) or io.BytesIO()).read()
        manifest, *blobs = image_contents(config, b"layer")
        self._far.blobs |= {digest_of(blob): blob for blob in blobs}
        self._far.put_manifest(*repository_and_tag(reference), MANIFEST, manifest)
        return digest_of(manifest)


class _Site:
    def __init__(self, folder: ClusterFolder, desc: ClusterDesc, far: BrokenRegistry) -> None:
        self.folder, self.desc, self.far = folder, desc, far
        self.said: list[str] = []

    def images(self, *wanted: str) -> NodeImages:
        engine = Engine(self.folder)
        copier = _Copier(engine, self.folder, self.desc, self.far)
        return NodeImages(engine, self.folder, self.desc, wanted=wanted, skopeo=copier)

    def verify(self, name: str) -> Finding:
        (found,) = self.images().verify([name], lambda _: None)
        return found

    def push(self, name: str, text: str, *wanted: str) -> str | None:
        path = docker_archive(self.folder.path / f"{text}.tar", name, text=text)
        return self.images(*wanted).push_archive(path, name, self.said.append).digest


@pytest.fixture
def site(tmp_path: Path) -> Iterator[_Site]:
    far = BrokenRegistry()
    with registry_site(tmp_path, "svc-owners", "127.77.26.253", far) as (folder, desc):
        yield _Site(folder, desc, far)


def test_a_second_push_from_another_host_is_refused_and_the_first_stays(site: _Site) -> None:
    first = site.push(_QUAY, "one")
    with pytest.raises(BadInput) as refused:
        site.push(_GHCR, "two")
    assert str(refused.value) == (
        f"{_GHCR}: {_QUAY} stands there already, which is one name with it in this registry\n"
        "  hint: push one of them under a tag of its own; `kboot images prune` removes what nothing names"
    )
    with pytest.raises(BadInput, match="stands there already"):
        site.images().pull(_GHCR, site.said.append)
    assert site.verify(_QUAY).digest == first
    found = site.verify(_GHCR)
    assert (found.standing, found.faults) == (
        Standing.WRONG,
        (f"is {_QUAY}, which is one name with it in this registry",),
    )
    assert site.images().digests([_QUAY, _GHCR]) == {_QUAY: first, _GHCR: None}


def test_a_newer_build_of_the_same_name_is_pushed_and_so_is_the_same_image_by_another(site: _Site) -> None:
    site.push(_QUAY, "one")
    newer = site.push(_QUAY, "two")
    assert site.push(_GHCR, "two") == newer
    assert site.images().digests([_QUAY, _GHCR]) == {_QUAY: newer, _GHCR: newer}
    with pytest.raises(BadInput, match="stands there already"):  # it would take that of the other, too
        site.push(_GHCR, "three")


def test_a_cluster_that_changes_to_a_mirror_of_its_images_takes_them(site: _Site) -> None:
    site.push(_QUAY, "one", _QUAY)
    staged = site.folder.staging / "images"
    staged.mkdir(parents=True)
    docker_archive(staged / "two.tar", _GHCR, text="two")
    fill_images(site.images(_GHCR), site.folder, site.desc, [_GHCR], site.said.append)
    assert f"{_GHCR} takes the place of {_QUAY}, which nothing needs any more" in site.said
    assert site.verify(_GHCR).standing is Standing.OK
    assert site.verify(_QUAY).standing is Standing.WRONG


def test_what_another_tool_pushed_and_what_is_named_by_the_registry_itself_belongs_to_nobody(site: _Site) -> None:
    own = f"bootstrapper:{site.desc.registry.port}/tool/app:1"
    site.push(_QUAY, "one")
    assert site.verify(own).standing is Standing.OK
    site.push(own, "two")
    for name in (own, _QUAY, _GHCR):
        assert site.verify(name).standing is Standing.OK
    site.push(_QUAY, "three")
    site.images()._skopeo.copy(Source("docker://elsewhere"), _QUAY)  # as skopeo by hand
    assert site.verify(_GHCR).standing is Standing.OK
    site.folder.image_owners.write_text("{")
    site.push(_GHCR, "four")
    assert site.verify(_QUAY).standing is Standing.WRONG


def test_two_archives_of_one_command_are_looked_at_before_the_first_is_pushed(site: _Site, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    docker_archive(one, _QUAY, text="one")
    oci_archive(two, _GHCR)
    read = {path: read_archive(path) for path in (one, two)}
    with pytest.raises(BadInput, match=f"two.tar: {_GHCR}: is one name with {_QUAY} in this registry"):
        refuse_unusable(read, [(one, _QUAY), (two, _GHCR)], site.desc)
    refuse_unusable(read, [(one, _QUAY), (one, _GHCR)], site.desc)  # one image with both names
