"""An archive as `docker save` writes it, put together on the fly from contents in the store.

Debian 12's engine (20.10) loads this form alone, no OCI layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..supplies.bundle_manifest import Item
from ..supplies.store import SupplyStore
from . import layout

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in the store, by the digests of its parts; what its config says of layers unpacked, and its labels."""

    reference: str
    manifest: str
    config: str
    layers: tuple[str, ...]
    unpacked: tuple[str, ...]
    labels: Mapping[str, str]


def stored_image(store: SupplyStore, item: Item) -> StoredImage:
    """Return an image that a bundle brought."""
    found: dict[str, Any] = json.loads(store.blob(item.digest).read_bytes())
    layers = tuple(str(layer["digest"]) for layer in found["layers"])
    digest = str(found["config"]["digest"])
    config: dict[str, Any] = json.loads(store.blob(digest).read_bytes())
    labels = (config.get("config") or {}).get("Labels") or {}
    return StoredImage(item.name, item.digest, digest, layers, tuple(config["rootfs"]["diff_ids"]), labels)


def docker_archive(store: SupplyStore, images: Sequence[StoredImage]) -> Iterator[bytes]:
    """Yield the archive of some images in chunks; a layer that several have stands there once."""
    listed = [
        {
            "Config": _config_name(image.config),
            "RepoTags": [image.reference],
            "Layers": [_layer_name(layer) for layer in image.layers],
        }
        for image in images
    ]
    content = json.dumps(listed).encode()
    yield layout.header("manifest.json", len(content)) + content + bytes(layout.padding(len(content)))
    files = {_config_name(image.config): image.config for image in images}
    files |= {_layer_name(layer): layer for image in images for layer in image.layers}
    for name, digest in files.items():
        yield from _entry(name, store.blob(digest))
    yield layout.END


def _entry(name: str, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield layout.header(name, size)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
    yield bytes(layout.padding(size))


def _config_name(digest: str) -> str:
    return f"{digest.removeprefix('sha256:')}.json"


def _layer_name(digest: str) -> str:
    return f"{digest.removeprefix('sha256:')}/layer.tar"
