"""Container images of one small layer, in the forms that tools write them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def docker_archive(
    path: Path, *tags: str, text: str = "hello", files: Mapping[str, bytes] | None = None, arch: str = "amd64"
) -> Path:
    """As `docker save` writes it: one image under some names, with these programs."""
    layer = tar_of(files or {"hello": text.encode()})
    config = _config(layer, arch)
    manifest = [{"Config": f"{_hex(config)}.json", "RepoTags": list(tags), "Layers": ["layer.tar"]}]
    parts = {f"{_hex(config)}.json": config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(tar_of(parts))
    return path


def oci_archive(
    path: Path,
    name: str = "",
    *,
    arches: Sequence[str] = ("amd64",),
    left_out: Sequence[str] = (),
    is_list: bool = False,
    configured: str = "",
) -> str:
    """An OCI layout in a tar; several `arches` make a list, and `is_list` one of a single. The digest of the image.

    `configured` is the architecture that the configurations name instead.
    """
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = []
    for arch in arches:
        layer = tar_of({"hello": arch.encode()})
        packed, config = gzip.compress(layer, mtime=0), _config(layer, configured or arch)
        layers = [_entry("application/vnd.oci.image.layer.v1.tar+gzip", packed)]
        manifest = _manifest(MANIFEST, config=_entry("application/vnd.oci.image.config.v1+json", config), layers=layers)
        entries.append(_entry(MANIFEST, manifest) | {"platform": {"os": "linux", "architecture": arch}})
        if arch not in left_out:
            files |= {_path(blob): blob for blob in (packed, config, manifest)}
    top = entries[0]
    if len(arches) > 1 or is_list:
        index = _manifest(INDEX, manifests=entries)
        files[_path(index)] = index
        top = _entry(INDEX, index)
    note = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
    files["index.json"] = _manifest(INDEX, manifests=[top | note])
    path.write_bytes(tar_of(files))
    return str(top["digest"])


def docker_image(text: str) -> list[bytes]:
    """An image as Docker's registries have it: its manifest, then configuration and layer."""
    layer = tar_of({"hello": text.encode()})
    packed, config = gzip.compress(layer, mtime=0), _config(layer, "amd64")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    layers = [_entry("application/vnd.docker.image.rootfs.diff.tar.gzip", packed)]
    named = _entry("application/vnd.docker.container.image.v1+json", config)
    return [_manifest(kind, config=named, layers=layers), config, packed]


def large_oci_archive(path: Path, name: str, layers: Sequence[bytes]) -> str:
    """An OCI layout of one image in a tar, its layers not compressed. The digest of the image."""
    tars = [tar_of({f"part-{number}": layer}) for number, layer in enumerate(layers)]
    root = {"type": "layers", "diff_ids": [digest_of(layer) for layer in tars]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": root}).encode()
    parts = [_entry("application/vnd.oci.image.layer.v1.tar", layer) for layer in tars]
    manifest = _manifest(MANIFEST, config=_entry("application/vnd.oci.image.config.v1+json", config), layers=parts)
    top = _entry(MANIFEST, manifest) | {"annotations": {"org.opencontainers.image.ref.name": name}}
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": _manifest(INDEX, manifests=[top])}
    path.write_bytes(tar_of(files | {_path(blob): blob for blob in (config, manifest, *tars)}))
    return digest_of(manifest)


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar, the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def digest_of(content: bytes) -> str:
    """As registries write it."""
    return f"sha256:{_hex(content)}"


def _config(layer: bytes, arch: str) -> bytes:
    root = {"type": "layers", "diff_ids": [digest_of(layer)]}
    return json.dumps({"architecture": arch, "os": "linux", "config": {}, "rootfs": root}).encode()


def _manifest(kind: str, **more: object) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": kind, **more}).encode()


def _entry(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def _path(content: bytes) -> str:
    return f"blobs/sha256/{_hex(content)}"


def _hex(content: bytes) -> str:
    return sha256(content).hexdigest()
