"""Reads which images are in an archive of `docker save`, `skopeo copy` or `ctr images export`."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from kboot_clusterdesc.node_images import full_name

from ..errors import BadInput
from .image_platform import listed_platform, platform_of

_JSON_LIMIT_BYTES = 16 * 1024**2
_LISTS = ("index.v1+json", "manifest.list.v2+json")
_HINT = "make one with `docker save -o ARCHIVE IMAGE` or `skopeo copy docker://IMAGE oci-archive:ARCHIVE:IMAGE`"


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """One image of an archive. `selector` is the name by which skopeo finds it among several.

    `digest` is the one that it has in a registry, and `config` that of its configuration, where the archive tells them.
    `platforms` are those of what is in the archive, such as `linux/amd64`; none where it does not tell.
    """

    references: tuple[str, ...]  # full names; empty where the archive has a tag at most
    selector: str = ""
    is_whole_list: bool = False  # a list of several architectures, each of them in the archive
    digest: str | None = None
    config: str | None = None
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """An image archive; `transport` is skopeo's word for its form, `docker-archive` or `oci-archive`."""

    path: Path
    transport: str
    images: tuple[ArchivedImage, ...]

    def references(self) -> list[str]:
        """Return every image name that is written in the archive; raise BadInput when an image has none."""
        if not all(image.references for image in self.images):
            raise BadInput(
                f"{self.path}: names no image in full",
                f"say what it is: `kboot images push {self.path} REFERENCE`",
            )
        return [name for image in self.images for name in image.references]

    def image(self, reference: str) -> ArchivedImage:
        """Return the image called `reference`, or the archive's only one whatever its name; raise BadInput."""
        for image in self.images:
            if len(self.images) == 1 or full_name(reference) in map(full_name, image.references):
                return image
        known = ", ".join(name for image in self.images for name in image.references) or "none by a full name"
        raise BadInput(f"{self.path}: holds {len(self.images)} images, none is `{reference}`", f"it holds {known}")


def read_archive(path: Path) -> Archive:
    """Return what the archive at `path` holds, plain or compressed; raise BadInput.

    Where an archive has both forms, its OCI layout goes before that of `docker save`: it keeps an image's digest.
    """
    try:
        with tarfile.open(path) as tar:
            return _archive(path, _Members(tar))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}", _HINT) from error
    except (tarfile.TarError, EOFError, ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path}: is no image archive: {error}", _HINT) from error


class _Members:
    """The files of a tar by name."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._named = {member.name.removeprefix("./"): member for member in tar}
        self._read: dict[str, bytes | None] = {}  # a look back in a compressed archive unpacks it again

    def __contains__(self, name: str) -> bool:
        return name in self._named

    def json(self, name: str) -> Any:
        """Return what the JSON file `name` holds; None where it is missing or too large."""
        content = self._content(name)
        return json.loads(content) if content is not None else None

    def digest(self, name: str) -> str | None:
        """Return the digest of the small file `name`; None where it is missing or too large."""
        content = self._content(name)
        return f"sha256:{sha256(content).hexdigest()}" if content is not None else None

    def _content(self, name: str) -> bytes | None:
        if name not in self._read:
            member = self._named.get(name)
            stream = self._tar.extractfile(member) if member and member.size <= _JSON_LIMIT_BYTES else None
            self._read[name] = stream.read() if stream is not None else None
        return self._read[name]


def _archive(path: Path, members: _Members) -> Archive:
    docker = [_docker_image(members, i, entry) for i, entry in enumerate(members.json("manifest.json") or [])]
    oci = list(_oci_images(members))
    ambiguous = len({image.selector for image in oci}) < len(oci)
    transport, images = ("docker-archive", docker) if docker and (ambiguous or not oci) else ("oci-archive", oci)
    if not images:
        raise BadInput(f"{path}: holds no image", _HINT)
    if len(images) == 1:  # skopeo may not know the selector of a single image, and needs none
        images = [replace(images[0], selector="")]
    return Archive(path, transport, tuple(images))


def _docker_image(members: _Members, number: int, entry: dict[str, Any]) -> ArchivedImage:
    tags = tuple(str(tag) for tag in entry.get("RepoTags") or ())
    config = str(entry.get("Config"))
    platform = platform_of(members.json(config) or {})
    platforms = (platform,) if platform else ()
    return ArchivedImage(tags, tags[0] if tags else f"@{number}", config=members.digest(config), platforms=platforms)


def _oci_images(members: _Members) -> Iterator[ArchivedImage]:
    for entry in (members.json("index.json") or {}).get("manifests", []):
        notes = entry.get("annotations") or {}
        short = notes.get("org.opencontainers.image.ref.name", "")
        full = notes.get("io.containerd.image.name") or (short if "/" in short or ":" in short else "")
        is_list = str(entry.get("mediaType")).endswith(_LISTS)
        is_whole = is_list and _is_whole_list(members, entry)
        digest = str(entry["digest"]) if is_whole or not is_list else None
        platforms = tuple(_platforms(members, entry))
        yield ArchivedImage((full,) if full else (), short, is_whole, digest, platforms=platforms)


def _platforms(members: _Members, entry: dict[str, Any]) -> Iterator[str]:
    """Yield the platform of the image, or of each image of the list, that an entry names and the archive holds."""
    top = members.json(_blob(entry)) or {}
    if platform := _platform(members, top):
        yield platform
    for child in top.get("manifests") or ():
        if _blob(child) in members:
            listed = listed_platform(child.get("platform") or {})
            if platform := listed or _platform(members, members.json(_blob(child)) or {}):
                yield platform


def _platform(members: _Members, manifest: dict[str, Any]) -> str | None:
    config = members.json(_blob(manifest["config"])) if manifest.get("config") else None
    return platform_of(config or {})


def _is_whole_list(members: _Members, entry: dict[str, Any]) -> bool:
    """Return whether every image of a list is in the archive.

    `ctr images export` of one platform keeps a list that names the other platforms too.
    """
    children = (members.json(_blob(entry)) or {}).get("manifests", [])
    return bool(children) and all(_blob(child) in members for child in children)


def _blob(entry: dict[str, Any]) -> str:
    return "blobs/" + str(entry["digest"]).replace(":", "/")
