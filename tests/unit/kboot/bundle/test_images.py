"""An image of a bundle has all that it names among its own blobs; whatever else it names is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kboot.bundle.images import check_images
from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Item, Kind
from support.bundles import PAUSE, digest_of, image_contents, image_item, manifest_of

_LAYER = b"layer" * 100


def _config(**more: Any) -> bytes:
    root = {"type": "layers", "diff_ids": [digest_of(_LAYER)]}
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": root, **more}).encode()


def _check(folder: Path, *items: tuple[Item, list[bytes]]) -> None:
    for _, contents in items:
        for content in contents:
            (folder / digest_of(content)).write_bytes(content)
    check_images(manifest_of(*(item for item, _ in items)), lambda blob: folder / blob.digest, "a.kboot")


def _index(*children: list[bytes]) -> list[bytes]:
    """A list of images: itself, then each of them."""
    entries = [{"mediaType": "x", "digest": digest_of(child[0]), "size": len(child[0])} for child in children]
    found = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    return list(dict.fromkeys([found, *(part for child in children for part in child)]))


def _foreign(entry: dict[str, object]) -> list[bytes]:
    """An image whose one layer is `entry`."""
    config = _config()
    named = {"digest": digest_of(config), "size": len(config)}
    return [json.dumps({"schemaVersion": 2, "config": named, "layers": [entry]}).encode(), config, _LAYER]


def test_images_and_lists_of_images_that_are_whole_pass(tmp_path: Path) -> None:
    one, other = image_contents(_config(), _LAYER), image_contents(_config(architecture="arm64"), _LAYER)
    whole = _index(one, _index(other))
    service = image_item(one, "kboot-time:0.1.0", Kind.SERVICE_IMAGE)
    _check(tmp_path, (image_item(one), one), (image_item(whole, arch="any"), whole), (service, one))


@pytest.mark.parametrize(
    "entry",
    [
        {"digest": "sha256:../../../../../../etc/shadow", "size": 10},
        {"digest": "sha256:" + "0" * 64, "size": 10},
        {"digest": digest_of(_LAYER), "size": 10},
        {"digest": digest_of(_LAYER)},
        "layer",
    ],
    ids=["a path", "no blob", "another size", "no size", "no object"],
)
def test_a_layer_that_is_none_of_its_blobs_is_refused(tmp_path: Path, entry: dict[str, object]) -> None:
    contents = _foreign(entry)
    with pytest.raises(BadInput, match=rf"^a\.kboot: node-image {PAUSE}: .*\n  hint: have the bundle made anew"):
        _check(tmp_path, (image_item(contents), contents))


def test_a_layer_of_another_image_of_the_bundle_is_none_of_its_own(tmp_path: Path) -> None:
    whole = image_contents(_config(), _LAYER)
    item = image_item(whole[:2], "registry.k8s.io/other:1")
    with pytest.raises(BadInput, match=rf"other:1: names {digest_of(_LAYER)} of 500 bytes, which the bundle does not"):
        _check(tmp_path, (image_item(whole), whole), (item, whole))


def test_an_image_that_a_list_names_is_looked_at_too(tmp_path: Path) -> None:
    child = image_contents(_config(), _LAYER)
    for contents in (_index(child)[:-1], _index(child)[:1]):
        with pytest.raises(BadInput, match="which the bundle does not have for it"):
            _check(tmp_path, (image_item(contents, arch="any"), contents))


def test_a_list_that_names_one_image_often_is_looked_at_once(tmp_path: Path) -> None:
    """Twelve lists, each of which names the next 20 times: nobody follows each of these ways."""
    found = image_contents(_config(), _LAYER)
    for _ in range(12):
        found = _index(*[found] * 20)
    _check(tmp_path, (image_item(found, arch="any"), found))


def test_an_image_of_another_processor_than_it_says_is_refused(tmp_path: Path) -> None:
    contents = image_contents(_config(architecture="arm64"), _LAYER)
    with pytest.raises(BadInput, match=r"pause:3\.10\.2: is for arm64, not for amd64"):
        _check(tmp_path, (image_item(contents), contents))


@pytest.mark.parametrize("content", [b"", b"[]", b"no json", b'{"layers": 3}', b"[" * 100_000])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match=r"pause:3\.10\.2: is no image: "):
        _check(tmp_path, (image_item([content]), [content]))


@pytest.mark.parametrize("root", [{}, {"diff_ids": []}, {"diff_ids": [digest_of(_LAYER)] * 2}])
def test_a_service_image_tells_each_layer_as_the_engine_unpacks_it(tmp_path: Path, root: dict[str, object]) -> None:
    contents = image_contents(_config(rootfs=root), _LAYER)
    with pytest.raises(BadInput, match=r"service-image kboot-time:0\.1\.0: "):
        _check(tmp_path, (image_item(contents, "kboot-time:0.1.0", Kind.SERVICE_IMAGE), contents))
    _check(tmp_path, (image_item(contents), contents))
