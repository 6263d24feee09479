"""The archive that an engine loads, put together from contents in the store."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from kboot.bundle.docker_archive import docker_archive, stored_image
from kboot.supplies.bundle_manifest import Item, Kind
from kboot.supplies.image_archive import read_archive
from kboot.supplies.store import SupplyStore
from support.bundles import digest_of, image_contents, image_item, manifest_of


def _image(number: int, *layers: bytes) -> list[bytes]:
    root = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
    labels = {"Labels": {"kboot.digest": str(number)}}
    return image_contents(json.dumps({"architecture": "amd64", "config": labels, "rootfs": root}).encode(), *layers)


def test_it_holds_every_image_by_its_name_and_a_shared_layer_once(tmp_path: Path) -> None:
    base = b"base" * 1000
    contents = {"kboot-time:1": _image(1, base, b"time"), "kboot-registry:1": _image(2, base, b"registry")}
    items = [image_item(each, name, Kind.SERVICE_IMAGE) for name, each in contents.items()]
    store = _store(tmp_path, items, contents)
    images = [stored_image(store, item) for item in items]
    assert images[0].unpacked == (digest_of(base), digest_of(b"time"))
    assert images[0].labels == {"kboot.digest": "1"}
    archive = tmp_path / "a.tar"
    archive.write_bytes(b"".join(docker_archive(store, images)))
    assert read_archive(archive).references() == ["kboot-time:1", "kboot-registry:1"]
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names)) == 1 + 2 + 3


def _store(root: Path, items: list[Item], contents: dict[str, list[bytes]]) -> SupplyStore:
    store = SupplyStore(root)
    store.incoming.mkdir(parents=True)
    arrived = {store.incoming / digest_of(part)[7:]: part for parts in contents.values() for part in parts}
    for path, part in arrived.items():
        path.write_bytes(part)
    store.publish(manifest_of(*items), arrived)
    return store
