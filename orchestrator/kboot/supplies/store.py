"""What bundles brought to this bootstrapper, kept once for all of its clusters: an OCI layout in `<root>/.supplies`.

Every content lies under its SHA-256 in `blobs`, files as well as parts of images; `bundles` has the manifest of each
bundle that was loaded whole. What no manifest names is of no bundle yet.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from ..errors import BadInput, KbootError
from ..host.files import failed, sync_folder, write_file
from ..host.state_folder import SUPPLIES
from .bundle_manifest import Blob, Item, Kind, Manifest, parse_manifest, sorted_items

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_REF_NAME = "org.opencontainers.image.ref.name"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class SupplyStore:
    """The supplies under one root. Reading asks for no lock: what is published is whole, and stays."""

    def __init__(self, root: Path) -> None:
        self.path = root / SUPPLIES
        self.incoming = self.path / "incoming"
        self.blobs = self.path / "blobs"
        self._blobs = self.blobs / "sha256"
        self._bundles = self.path / "bundles"

    def bundles(self) -> dict[str, Manifest]:
        """Return bundle name -> manifest of every bundle that was loaded whole; raise BadInput where one is damaged."""
        try:
            found = sorted(self._bundles.glob("*.json"))
            return {path.stem: _kept(path) for path in found}
        except OSError as error:
            raise failed(error, self._bundles) from error

    def oldest_first(self) -> list[tuple[str, Manifest]]:
        """Return the bundles in the order in which they were loaded."""
        return sorted(self.bundles().items(), key=lambda each: self._age(each[1]))

    def sizes(self) -> dict[str, int]:
        """Return hex digest -> bytes of each content on the disk, whether a bundle names it or not."""
        try:
            return {entry.name: entry.stat().st_size for entry in os.scandir(self._blobs)}
        except FileNotFoundError:
            return {}

    def incoming_bytes(self) -> int:
        """Return what a load that was killed left, which the same load would go on with."""
        try:
            return sum(entry.stat().st_size for entry in os.scandir(self.incoming))
        except FileNotFoundError:
            return 0

    def remove(self, bundles: Collection[str], contents: Iterable[str]) -> None:
        """Forget some bundles, then remove contents by their hex digests, and what a killed load left.

        The manifests go first: a run that is killed leaves no bundle that is not whole. Whoever calls holds the locks
        of all that may read.
        """
        try:
            rest = [manifest for name, manifest in self.bundles().items() if name not in bundles]
            if bundles:
                write_file(self.path / "index.json", self._index(rest))
            for name in bundles:
                (self._bundles / f"{name}.json").unlink()
            if bundles:
                sync_folder(self._bundles)
            for content in contents:
                (self._blobs / content).unlink(missing_ok=True)
            if self.incoming.exists():
                shutil.rmtree(self.incoming)
        except OSError as error:
            raise failed(error, self.path) from error

    def items(self, kind: Kind) -> list[Item]:
        """Return what the bundles brought of a kind, each once, in the order of manifests."""
        brought = [item for manifest in self.bundles().values() for item in manifest.items if item.kind is kind]
        return list(sorted_items(brought))

    def node_images(self, arch: str | None = None) -> dict[str, str]:
        """Return name -> digest of the node images that bundles brought, those for `arch` if given.

        Where two bundles brought different images of one name, that of the bundle loaded last is taken.
        """
        wanted = (arch, "any") if arch else ("amd64", "arm64", "any")
        return {
            item.name: item.digest
            for _, manifest in self.oldest_first()
            for item in manifest.items
            if item.kind is Kind.NODE_IMAGE and item.arch in wanted
        }

    def blob(self, digest: str) -> Path:
        """Return the path of a content by its digest, `sha256:…`, whether it is there or not."""
        return self._blobs / digest.removeprefix("sha256:")

    def has(self, blob: Blob) -> bool:
        """Return whether a content is there, with its size; its bytes are not read."""
        try:
            return self.blob(blob.digest).stat().st_size == blob.size
        except OSError:
            return False

    def missing(self, manifest: Manifest) -> list[Blob]:
        """Return what a bundle needs, its own archive's contents too, and the store lacks."""
        return [blob for _, blob in manifest.needed.values() if not self.has(blob)]

    def publish(self, manifest: Manifest, arrived: Iterable[Path]) -> None:
        """Take `arrived`, files in `incoming` named by their hex digest, into the store, and the manifest last.

        Whoever calls has checked every byte. A run that is killed leaves no bundle half there; the next one completes.
        """
        try:
            self._blobs.mkdir(parents=True, exist_ok=True)
            self._bundles.mkdir(exist_ok=True)
            for path in arrived:
                path.replace(self._blobs / path.name)
            sync_folder(self._blobs)
            lacking = self.missing(manifest)
            if lacking:
                raise KbootError(f"{self.path}: lacks {lacking[0].digest}", "load the bundle again")
            write_file(self.path / "oci-layout", _LAYOUT)
            manifests = {**self.bundles(), manifest.bundle: manifest}
            write_file(self.path / "index.json", self._index(manifests.values()))
            write_file(self._bundles / f"{manifest.bundle}.json", manifest.content)
        except OSError as error:
            raise failed(error, self.path) from error

    def _index(self, manifests: Iterable[Manifest]) -> bytes:
        """Return index.json, which names the node images by their references, for tools that read an OCI layout."""
        newest = sorted(manifests, key=self._age, reverse=True)
        images: dict[tuple[str, str], Item] = {}
        for manifest in newest:
            for item in manifest.items:
                if item.kind is Kind.NODE_IMAGE:
                    images.setdefault((item.name, item.arch), item)
        entries = [self._entry(images[key]) for key in sorted(images)]
        return json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}, indent=1).encode()

    def _entry(self, item: Item) -> dict[str, Any]:
        top = item.blobs[0]
        entry: dict[str, Any] = {"mediaType": media_type(self.blob(top.digest).read_bytes())}
        entry |= {"digest": top.digest, "size": top.size, "annotations": {_REF_NAME: item.name}}
        return entry if item.arch == "any" else entry | {"platform": {"os": "linux", "architecture": item.arch}}

    def _age(self, manifest: Manifest) -> tuple[float, str]:
        """Return a key by which the bundle that was loaded last sorts last."""
        try:
            return (os.stat(self._bundles / f"{manifest.bundle}.json").st_mtime, manifest.bundle)
        except OSError:
            return (float("inf"), manifest.bundle)  # it is being loaded


def _kept(path: Path) -> Manifest:
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except BadInput as error:
        hint = "use the kboot that loaded it; if the file is damaged, remove it, then load its bundle again"
        raise BadInput(error.message, hint) from error


def media_type(manifest: bytes) -> str:
    """Return the media type of an image's manifest or index, which an OCI one need not write in itself."""
    found = json.loads(manifest)
    return str(found.get("mediaType") or (_INDEX if "manifests" in found else _MANIFEST))
