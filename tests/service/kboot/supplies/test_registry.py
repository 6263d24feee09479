"""Looking at a registry over TLS: what a pull would find there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kboot.supplies.missing import missing_supplies
from kboot.supplies.registry import Registry, RegistryUnreachable
from kboot.supplies.standing import Standing
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import node_images
from support.broken_registry import BrokenRegistry
from support.image_archives import INDEX, MANIFEST, digest_of
from support.registry_site import PAUSE, registry_site

ADDRESS = "127.77.19.253"
LAYER, CONFIG = b"a layer", b"{}"


@dataclass(frozen=True, slots=True)
class Site:
    """A registry, and the cluster whose it is."""

    registry: BrokenRegistry
    folder: ClusterFolder
    desc: ClusterDesc

    def put(self, repository: str, tag: str, configuration: bytes = CONFIG) -> str:
        """An image of one layer; its digest."""
        for blob in (LAYER, configuration):
            self.registry.blobs[digest_of(blob)] = blob
        config, layer = ({"digest": digest_of(blob), "size": len(blob)} for blob in (configuration, LAYER))
        manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode()
        self.registry.put_manifest(repository, tag, MANIFEST, manifest)
        return digest_of(manifest)

    def put_index(self, repository: str, tag: str, **digests: str) -> None:
        """An index of images by architecture."""
        entries = [
            {"digest": digest, "platform": {"os": "linux", "architecture": arch}} for arch, digest in digests.items()
        ]
        content = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        self.registry.put_manifest(repository, tag, INDEX, content)

    def look(self, reference: str = PAUSE) -> tuple[Standing, str]:
        """How the image stands, and what is wrong with it."""
        with Registry(self.folder, self.desc) as registry:
            found = registry.look(reference)
        return found.standing, "; ".join(found.faults)


@contextmanager
def _site(root: Path) -> Iterator[Site]:
    registry = BrokenRegistry()
    with registry_site(root, "svc-images", ADDRESS, registry) as (folder, desc):
        yield Site(registry, folder, desc)


def missing(site: Site) -> list[str]:
    """What `kboot up` says at its end."""
    return list(missing_supplies(site.folder, site.desc, node_images(site.desc).values()))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A cluster with an empty registry."""
    with _site(tmp_path) as made:
        yield made


def test_a_whole_image_is_found_so_with_the_digest_of_its_bytes(site: Site) -> None:
    digest = site.put("pause", "3.10")
    assert site.look() == (Standing.OK, "")
    with Registry(site.folder, site.desc) as registry:
        assert registry.digest(PAUSE) == registry.look(PAUSE).digest == digest
        assert registry.digest("registry.k8s.io/etcd:1") is None
    assert site.look(f"registry.k8s.io/pause@{digest}") == (Standing.OK, "")


def test_a_manifest_that_answers_404_is_missing(site: Site) -> None:
    site.put("pause", "3.10")
    site.registry.lost_repositories.add("pause")
    assert site.look() == (Standing.MISSING, "no manifest")


def test_a_manifest_that_is_there_by_its_tag_alone_is_wrong_since_a_pull_asks_by_digest(site: Site) -> None:
    digest = site.put("pause", "3.10")
    site.registry.lost_manifests.add(digest)
    assert site.look() == (Standing.WRONG, f"manifest {digest}: the registry answers 404")


def test_a_layer_that_answers_404_is_named(site: Site) -> None:
    site.put("pause", "3.10")
    site.registry.lost_blobs.add(digest_of(LAYER))
    assert site.look() == (Standing.WRONG, f"layer {digest_of(LAYER)}: the registry answers 404")


def test_a_layer_of_another_size_is_named(site: Site) -> None:
    site.put("pause", "3.10")
    site.registry.cut_blobs.add(digest_of(LAYER))
    assert site.look() == (Standing.WRONG, f"layer {digest_of(LAYER)}: 6 bytes, not 7")


def test_a_layer_that_is_read_and_breaks_off_is_named_and_what_comes_behind_it_is_read(site: Site) -> None:
    site.put("pause", "3.10")
    site.registry.broken_off_blobs.add(digest_of(LAYER))
    with Registry(site.folder, site.desc, reads_blobs=True) as registry:
        (fault,) = registry.look(PAUSE).faults
        assert fault.startswith(f"layer {digest_of(LAYER)}: its bytes break off: ")
        site.registry.broken_off_blobs.clear()
        assert registry.look(PAUSE).standing is Standing.OK


def test_a_manifest_of_other_bytes_than_its_digest_is_wrong(site: Site) -> None:
    digest = site.put("pause", "3.10")
    kind, content = site.registry.manifests["pause", digest]
    site.registry.manifests["pause", digest] = (kind, content + b" ")
    assert site.look() == (Standing.OK, "")
    standing, fault = site.look(f"registry.k8s.io/pause@{digest}")
    assert standing is Standing.WRONG
    assert fault.endswith(f"its bytes are {digest_of(content + b' ')}, not {digest}")


def test_of_an_index_our_architecture_has_to_be_there_and_the_others_may_be(site: Site) -> None:
    digest = site.put("pause", "amd")
    site.put_index("pause", "3.10", amd64=digest, arm64=digest_of(b"elsewhere"))
    assert site.look() == (Standing.OK, "")
    site.put_index("pause", "3.10", amd64=digest_of(b"elsewhere"), arm64=digest)
    assert site.look() == (Standing.WRONG, "manifest 3.10: holds no image for linux/amd64")
    site.put_index("pause", "3.10", amd64=digest)
    site.registry.lost_blobs.add(digest_of(CONFIG))
    assert site.look() == (Standing.WRONG, f"config {digest_of(CONFIG)}: the registry answers 404")


def test_an_image_for_other_machines_is_wrong_and_beside_ours_in_an_index_it_is_not(site: Site) -> None:
    arm = site.put("pause", "3.10", b'{"architecture": "arm64", "os": "linux"}')
    assert site.look() == (Standing.WRONG, "is for linux/arm64, this cluster needs linux/amd64")
    amd = site.put("pause", "amd", b'{"architecture": "amd64", "os": "linux"}')
    site.put_index("pause", "3.10", amd64=amd, arm64=arm)
    assert site.look() == (Standing.OK, "")
    site.put_index("pause", "3.10", amd64=arm)  # as well-known images have it, whose configurations are wrong
    assert site.look() == (Standing.OK, "")
    site.put_index("pause", "3.10", arm64=amd)
    assert site.look() == (Standing.WRONG, "manifest 3.10: holds no image for linux/amd64")


def test_what_is_no_manifest_is_wrong(site: Site) -> None:
    for content in (b"<html>", b"[]", b"{}", b'{"config": {}, "layers": [null]}', b'{"config": null, "layers": []}'):
        site.registry.put_manifest("pause", "3.10", MANIFEST, content)
        assert site.look() == (Standing.WRONG, "manifest 3.10: neither an index nor an image")


def test_an_index_of_what_is_no_image_is_wrong(site: Site) -> None:
    digest = site.put("pause", "amd")
    for entry in (None, "x", {"digest": digest, "platform": "linux/amd64"}, {"platform": None}):
        site.registry.put_manifest("pause", "3.10", INDEX, json.dumps({"manifests": [entry]}).encode())
        assert site.look() == (Standing.WRONG, "manifest 3.10: holds no image for linux/amd64")


def test_a_server_with_another_authority_is_not_believed(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with registry_site(other, "svc-other", ADDRESS, BrokenRegistry()) as (folder, _):
        (site.folder.pki / "cluster-ca.pem").write_bytes((folder.pki / "cluster-ca.pem").read_bytes())
    with (
        Registry(site.folder, site.desc) as registry,
        pytest.raises(RegistryUnreachable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        registry.digest(PAUSE)


def test_a_registry_that_is_down_is_named_with_the_way_to_read_its_log(tmp_path: Path) -> None:
    with _site(tmp_path) as site:
        pass
    with Registry(site.folder, site.desc) as registry, pytest.raises(RegistryUnreachable) as raised:
        registry.look(PAUSE)
    assert f"https://{ADDRESS}:{site.desc.registry.port} does not answer" in raised.value.message
    assert raised.value.hint.startswith("read `docker compose -p kboot-svc-images logs registry`")
    assert [text for text in missing(site) if text.startswith("node images: ")]


def test_up_remarks_on_each_image_and_the_binaries_that_are_not_here(site: Site) -> None:
    site.put("pause", "3.10")
    said = missing(site)
    assert not [text for text in said if "pause" in text]
    assert [text for text in said if text.startswith("image registry.k8s.io/coredns/coredns:v1.14.2: not in")]
    assert "kubernetes/v1.36.2/kubelet" in said[-1]
    assert "`kboot assets pull`" in said[-1]
