"""An image as a config and layers: taken from an engine, made the same at each build, written as one archive."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import docker
from docker.errors import DockerException

from ..errors import KbootError
from .base import EPOCH_S
from .layers import Layer, kept_layer, timeless_layer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CREATED = datetime.fromtimestamp(EPOCH_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
# What a Dockerfile says of how an image is run. The rest of a config tells how and where it was built.
_SAID = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "StopSignal")


@dataclass(frozen=True, slots=True)
class OciImage:
    """An image: its config, as the JSON that its id is the digest of, and its layers, the lowest first."""

    config: bytes
    layers: tuple[Layer, ...]

    @property
    def manifest(self) -> bytes:
        """The manifest with layers that are not compressed, so that the digest does not depend on a compressor."""
        layers = [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in self.layers]
        return _json(
            {"schemaVersion": 2, "mediaType": _MANIFEST, "config": _entry(_CONFIG, self.config), "layers": layers}
        )

    @property
    def labels(self) -> dict[str, str]:
        """The labels in its config."""
        labels: dict[str, str] = json.loads(self.config)["config"].get("Labels") or {}
        return labels

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return _digest(self.manifest)


def saved_image(client: docker.DockerClient, name: str, folder: Path, timeless_from: int | None = None) -> OciImage:
    """Return an image of the engine, with its layers put into `folder`; raises KbootError.

    Those from number `timeless_from` on are freed of the times of their files, and the config names what they became.
    """
    saved = folder / "saved.tar"
    try:
        with saved.open("wb") as stream:
            for chunk in client.images.get(name).save():
                stream.write(chunk)
    except DockerException as error:
        raise KbootError(
            f"the engine does not hand out {name}: {error}", "is its disk full, or that of here?"
        ) from error
    with tarfile.open(saved) as tar:
        entry = json.loads(_content(tar, "manifest.json").read())[0]
        config = _content(tar, entry["Config"]).read()
        layers = []
        for number, path in enumerate(entry["Layers"]):
            is_kept = timeless_from is None or number < timeless_from
            source = _content(tar, path)
            layers.append(kept_layer(source, folder) if is_kept else timeless_layer(source, folder, EPOCH_S))
    saved.unlink()
    return OciImage(config, tuple(layers))


def _content(tar: tarfile.TarFile, name: str) -> Any:
    member = tar.getmember(name)
    found = tar.extractfile(member)
    if found is None:
        raise KbootError(f"the engine handed out an image without {name}", "update the Docker engine")
    return found


def timeless(image: OciImage, labels: Mapping[str, str]) -> OciImage:
    """Return `image` with these labels alone, and with a config that does not tell when and where it was built."""
    built = json.loads(image.config)
    said = {key: built["config"][key] for key in _SAID if built["config"].get(key)}
    steps = [
        {"created": _CREATED, **{key: step[key] for key in ("created_by", "empty_layer") if key in step}}
        for step in built.get("history") or []
    ]
    config = {
        "architecture": built["architecture"],
        "os": built["os"],
        "created": _CREATED,
        "config": {**said, "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in image.layers]},
        "history": steps,
    }
    return OciImage(_json(config), image.layers)


def write_archive(images: Sequence[tuple[OciImage, Sequence[str]]], target: BinaryIO) -> None:
    """Write images, each under its names, as a tar that is both `docker save`'s form and an OCI layout.

    `docker load` of every engine takes it, as do skopeo and containerd. The same images give the same bytes.
    """
    docker_form, index = [], []
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        written: set[str] = set()
        for image, names in images:
            for layer in image.layers:
                if layer.digest not in written:
                    written.add(layer.digest)
                    with layer.file.open("rb") as stream:
                        _add(tar, _place(layer.digest), stream, layer.size)
            for content in (image.config, image.manifest):
                _add(tar, _place(_digest(content)), io.BytesIO(content), len(content))
            layers = [_place(layer.digest) for layer in image.layers]
            docker_form.append({"Config": _place(_digest(image.config)), "RepoTags": list(names), "Layers": layers})
            index += [{**_entry(_MANIFEST, image.manifest), "annotations": _annotations(name)} for name in names]
        for name, value in {
            "manifest.json": docker_form,
            "index.json": {"schemaVersion": 2, "manifests": index},
            "oci-layout": {"imageLayoutVersion": "1.0.0"},
        }.items():
            _add(tar, name, io.BytesIO(_json(value)), len(_json(value)))


def _annotations(name: str) -> dict[str, str]:
    """Return what a layout calls an image, in the words of containerd and `docker save`."""
    return {
        "io.containerd.image.name": f"docker.io/library/{name}",
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }


def _add(tar: tarfile.TarFile, name: str, content: BinaryIO, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, EPOCH_S
    tar.addfile(entry, content)


def _entry(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _place(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
