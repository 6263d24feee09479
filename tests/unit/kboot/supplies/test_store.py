"""The store of what bundles brought: published whole, read as it was published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from kboot.errors import BadInput, KbootError
from kboot.supplies.bundle_manifest import Kind, Manifest
from kboot.supplies.store import SupplyStore
from support.bundles import PAUSE, blob_of, digest_of, file_item, image_contents, image_item, manifest_of
from support.image_archives import MANIFEST

_IMAGE = image_contents(b"{}", b"layer")
_KUBELET = b"kubelet"


@pytest.fixture
def store(tmp_path: Path) -> SupplyStore:
    return SupplyStore(tmp_path)


def _arrived(store: SupplyStore, *contents: bytes) -> list[Path]:
    store.incoming.mkdir(parents=True, exist_ok=True)
    paths = [store.incoming / digest_of(content).removeprefix("sha256:") for content in contents]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def _publish(store: SupplyStore, manifest: Manifest, *contents: bytes) -> None:
    store.publish(manifest, _arrived(store, *contents))


def test_a_store_that_nothing_was_loaded_into_is_empty(store: SupplyStore) -> None:
    assert store.bundles() == {}
    assert store.items(Kind.WHEEL) == []
    assert store.node_images() == {}
    assert not store.has(blob_of(_KUBELET))


def test_what_is_published_is_found(store: SupplyStore) -> None:
    manifest = manifest_of(image_item(_IMAGE), file_item(_KUBELET))
    _publish(store, manifest, *_IMAGE, _KUBELET)
    assert store.bundles() == {manifest.bundle: manifest}
    assert [item.path for item in store.items(Kind.BINARY)] == ["kubernetes/v1.36.2/kubelet"]
    assert store.node_images() == store.node_images("amd64") == {PAUSE: digest_of(_IMAGE[0])}
    assert store.node_images("arm64") == {}
    assert store.blob(digest_of(_KUBELET)).read_bytes() == _KUBELET
    assert store.has(blob_of(_KUBELET))
    assert list(store.incoming.iterdir()) == []


def test_it_is_an_oci_layout_whose_index_names_the_node_images(store: SupplyStore) -> None:
    service = image_contents(b"{ }", b"service")
    manifest = manifest_of(image_item(_IMAGE), image_item(service, "kboot-registry:1", Kind.SERVICE_IMAGE))
    _publish(store, manifest, *_IMAGE, *service)
    assert json.loads((store.path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.path / "index.json").read_text())["manifests"] == [
        {
            "mediaType": MANIFEST,
            "digest": digest_of(_IMAGE[0]),
            "size": len(_IMAGE[0]),
            "annotations": {"org.opencontainers.image.ref.name": PAUSE},
            "platform": {"os": "linux", "architecture": "amd64"},
        }
    ]


def test_of_two_images_of_one_name_that_of_the_bundle_loaded_last_is_taken(store: SupplyStore) -> None:
    other = image_contents(b"[]", b"layer")
    first, second = manifest_of(image_item(_IMAGE)), manifest_of(image_item(other))
    _publish(store, first, *_IMAGE)
    os.utime(store.path / "bundles" / f"{first.bundle}.json", (1, 1))
    _publish(store, second, *other)
    assert store.node_images()[PAUSE] == digest_of(other[0])
    entries = json.loads((store.path / "index.json").read_text())["manifests"]
    assert [entry["digest"] for entry in entries] == [digest_of(other[0])]


def test_a_bundle_that_lacks_a_content_is_not_published(store: SupplyStore) -> None:
    manifest = manifest_of(file_item(_KUBELET), file_item(b"cni", "cni/bridge"))
    with pytest.raises(KbootError, match=f"lacks {digest_of(b'cni')}"):
        _publish(store, manifest, _KUBELET)
    assert store.bundles() == {}
    _publish(store, manifest, b"cni")
    assert list(store.bundles()) == [manifest.bundle]


def test_a_content_of_another_size_is_not_had(store: SupplyStore) -> None:
    _publish(store, manifest_of(file_item(_KUBELET)), _KUBELET)
    store.blob(digest_of(_KUBELET)).write_bytes(b"short")
    assert store.missing(manifest_of(file_item(_KUBELET))) == [blob_of(_KUBELET)]


def test_a_damaged_manifest_is_named(store: SupplyStore) -> None:
    manifest = manifest_of(file_item(_KUBELET))
    _publish(store, manifest, _KUBELET)
    path = store.path / "bundles" / f"{manifest.bundle}.json"
    path.write_text("{")
    for read in (store.bundles, lambda: _publish(store, manifest, _KUBELET)):
        with pytest.raises(
            BadInput, match=rf"^{path}: manifest\.json is no JSON.*\n  hint: .* is damaged, remove it, then"
        ):
            read()
    path.unlink()
    _publish(store, manifest, _KUBELET)
    assert list(store.bundles()) == [manifest.bundle]
