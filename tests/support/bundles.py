"""Manifests of small bundles, and the contents that they name."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from kboot.bundle import layout
from kboot.bundle.archive_reader import BundleReader
from kboot.bundle.archive_writer import write_archive
from kboot.supplies.bundle_manifest import Blob, Item, Kind, Manifest, sorted_items
from support.image_archives import MANIFEST

PAUSE = "registry.k8s.io/pause:3.10.2"
KUBELET = "kubernetes/v1.36.2/kubelet"


def digest_of(content: bytes) -> str:
    """The digest of some bytes, as a manifest has it."""
    return f"sha256:{sha256(content).hexdigest()}"


def blob_of(content: bytes) -> Blob:
    """Some bytes as a manifest names them."""
    return Blob(digest=digest_of(content), size=len(content))


def file_item(content: bytes, path: str = KUBELET, kind: Kind = Kind.BINARY, **more: Any) -> Item:
    """A file."""
    given: dict[str, Any] = {"name": path.rpartition("/")[2], "arch": "amd64", **more}
    return Item(kind=kind, path=path, digest=digest_of(content), size=len(content), **given)


def image_contents(config: bytes, *layers: bytes) -> list[bytes]:
    """An image: its manifest, its config, its layers."""
    parts = [{"mediaType": "x", "digest": digest_of(part), "size": len(part)} for part in (config, *layers)]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
    return [json.dumps(manifest).encode(), config, *layers]


def image_item(contents: list[bytes], name: str = PAUSE, kind: Kind = Kind.NODE_IMAGE, arch: str = "amd64") -> Item:
    """An image of these contents, its manifest first."""
    blobs = tuple(blob_of(content) for content in contents)
    size = sum(blob.size for blob in blobs)
    given: dict[str, Any] = {"arch": arch}
    return Item(kind=kind, name=name, digest=blobs[0].digest, size=size, blobs=blobs, **given)


def manifest_of(*items: Item, **more: Any) -> Manifest:
    """A manifest of some items."""
    given = {"kboot": "0.1.0", "created_for": ("rack",), "arch": ("amd64",), **more}
    return Manifest(items=sorted_items(list(items)), **given)


PROGRAM = b"exit 0\n"


def archive_of(
    folder: Path, *contents: bytes, manifest: Manifest, signature: bytes | None = None, program: bytes = PROGRAM
) -> bytes:
    """A bundle of these contents, as kboot writes it; `folder` takes them meanwhile."""
    for content in contents:
        (folder / digest_of(content)).write_bytes(content)
    whole = with_head(manifest, program)
    sink = io.BytesIO()
    write_archive(sink, whole, program, signature, lambda blob: folder / blob.digest)
    return sink.getvalue()


def with_head(manifest: Manifest, program: bytes = PROGRAM) -> Manifest:
    """A manifest that names the program of its bundle's head."""
    return manifest.model_copy(update={"head": layout.head_sha256(layout.head(program))})


class Bytes(io.BytesIO):
    """Some bytes as a bundle's reader takes them."""

    def ending(self) -> str:
        """Nothing is known of it."""
        return ""


def unjudged(manifest: bytes, signature: bytes | None) -> None:
    """Whoever reads for a test trusts whom he likes."""


def read_whole(archive: bytes) -> tuple[Manifest, list[bytes]]:
    """A bundle read to its end."""
    reader = BundleReader(Bytes(archive), "a.kboot", unjudged)
    return reader.manifest, [b"".join(chunks) for _, _, chunks in reader.contents()]
