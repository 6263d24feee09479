"""The parts of container images, as blobs: from an OCI layout, or from what `docker save` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import BadInput
from ...supplies.bundle_manifest import Blob, Item, Kind
from ...supplies.image_platform import listed_platform

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_PACKED = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}  # first bytes of a layer -> the end of its media type
ARCHS = ("amd64", "arm64")  # that bundles are for
_LICENCES = "org.opencontainers.image.licenses"

Files = Mapping[str, Blob]  # path in a layout or archive -> its content
Content = Callable[[Blob, int], bytes]  # a blob's content, at most so many bytes of it
_OTHER = "name an image for that architecture"
JSON_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ImageParts:
    """An image: its manifest or index first, then all that this leads to. `arch` is `any` for several."""

    blobs: tuple[Blob, ...]
    arch: str
    licence: str

    def item(self, kind: Kind, reference: str, source: str, version: str = "") -> Item:
        """Return the image as an item of a bundle; raise BadInput where no bundle is for its architecture."""
        if self.arch not in (*ARCHS, "any"):
            raise BadInput(f"{reference}: is for {self.arch}", "name one for amd64 or arm64")
        found: dict[str, Any] = {"kind": kind, "name": reference, "version": version, "arch": self.arch}
        found |= {"digest": self.blobs[0].digest, "size": sum(blob.size for blob in self.blobs)}
        return Item.model_validate(found | {"source": source, "licence": self.licence, "blobs": self.blobs})


def docker_parts(entry: Mapping[str, Any], files: Files, content: Content, keep: Callable[[bytes], Blob]) -> ImageParts:
    """Return the image of one entry of the `manifest.json` of `docker save`; `keep` takes the manifest made for it."""
    config = files[str(entry["Config"])]
    layers = list(dict.fromkeys(files[str(name)] for name in entry["Layers"]))
    found = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [
            _descriptor(_layer_type(content(files[str(name)], 2)), files[str(name)]) for name in entry["Layers"]
        ],
    }
    manifest = keep(json.dumps(found, separators=(",", ":")).encode())
    said = _json(config, content)
    return ImageParts((manifest, config, *layers), str(said.get("architecture")), _licence(said))


def oci_parts(top: Blob, files: Files, content: Content, arch: str | None) -> ImageParts:
    """Return the image whose manifest or index is `top`; of an index what is for `arch`, or all where that is None.

    An index is believed in what it says of its images, whatever their configurations say.
    Raises BadInput where a part is missing, or of another size.
    """
    found = _json(top, content)
    if "manifests" not in found:
        single = _single(top, found, files, content)
        if arch is not None and single.arch not in (arch, "any"):
            raise BadInput(f"the image {top.digest} is for {single.arch}, not for {arch}", _OTHER)
        return single
    children = found["manifests"]
    if arch is None:
        parts = [oci_parts(_there(_blob(entry), files), files, content, None) for entry in children]
        blobs = dict.fromkeys([top, *(blob for part in parts for blob in part.blobs)])
        licence = next((part.licence for part in parts if part.licence), "")
        return ImageParts(tuple(blobs), _arch_of(children, parts), licence)
    for entry in children:
        platform = entry.get("platform") or {}
        if listed_platform(platform) == f"linux/{arch}":
            return replace(oci_parts(_there(_blob(entry), files), files, content, None), arch=arch)
    raise BadInput(f"the image {top.digest} is not for {arch}", _OTHER)


def _arch_of(children: Sequence[Mapping[str, Any]], parts: Sequence[ImageParts]) -> str:
    """Return for which machines a list is: `any` where it says nothing, or has an image for all that bundles know."""
    listed = [listed_platform(entry.get("platform") or {}) for entry in children]
    found = {f"linux/{part.arch}" if said is None else said for said, part in zip(listed, parts, strict=True)}
    archs = sorted(arch for arch in ARCHS if f"linux/{arch}" in found)
    if len(archs) == 1:
        return archs[0]
    others = sorted(platform.removeprefix("linux/") for platform in found - {"linux/any", "linux/unknown"})
    return ", ".join(others) if others and not archs else "any"


def _single(top: Blob, found: Mapping[str, Any], files: Files, content: Content) -> ImageParts:
    config = _there(_blob(found["config"]), files)
    layers = [_there(_blob(layer), files) for layer in found["layers"]]
    said = _json(config, content) if config.size else {}
    blobs = tuple(dict.fromkeys([top, config, *layers]))
    return ImageParts(blobs, str(said.get("architecture", "any")), _licence(said))


def blob_path(digest: str) -> str:
    """Return the path of a content in an OCI layout."""
    return f"blobs/{digest.replace(':', '/')}"


def _there(blob: Blob, files: Files) -> Blob:
    found = files.get(blob_path(blob.digest))
    if found != blob:
        raise BadInput(f"the image lacks {blob.digest} of {blob.size} bytes", "save it again, with all of its parts")
    return found


def _blob(entry: Mapping[str, Any]) -> Blob:
    return Blob(digest=entry["digest"], size=entry["size"])


def _json(blob: Blob, content: Content) -> dict[str, Any]:
    found = json.loads(content(blob, JSON_LIMIT_BYTES))
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _descriptor(kind: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": kind, "digest": blob.digest, "size": blob.size}


def _layer_type(begin: bytes) -> str:
    return _LAYER + _PACKED.get(begin, "")


def _licence(config: Mapping[str, Any]) -> str:
    labels = (config.get("config") or {}).get("Labels") or {}
    return "".join(str(labels.get(_LICENCES, ""))[:100].splitlines()[:1])


def references(files: Files, content: Content) -> Iterator[tuple[str, Blob]]:
    """Yield name -> top of each image in an OCI layout that has a full name."""
    for entry in _json(files["index.json"], content).get("manifests", []):
        notes = entry.get("annotations") or {}
        name = notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name", "")
        yield str(name), _there(_blob(entry), files)
