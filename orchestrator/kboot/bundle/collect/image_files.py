"""Images out of archives: of `docker save`, of the engine itself, of `skopeo copy` or `ctr images export`."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import IO, Any

from pydantic import ValidationError

from kboot_clusterdesc.node_images import full_name

from ...errors import BadInput
from ...supplies.bundle_manifest import Blob, Item, Kind
from ...supplies.image_archive import Archive, ArchivedImage, read_archive
from ...supplies.image_platform import platform_fault, platform_hint
from .collected import Collected
from .image_parts import JSON_LIMIT_BYTES, Files, ImageParts, docker_parts, oci_parts, references

_CHUNK = 1 << 20  # bytes
_HINT = "make one with `docker save -o ARCHIVE IMAGE` or `skopeo copy docker://IMAGE oci-archive:ARCHIVE:IMAGE`"


@dataclass(frozen=True, slots=True)
class Given:
    """The images of an archive that a bundle can hold, and the full name of each of the others -> why it cannot."""

    items: Sequence[Item]
    others: Mapping[str, BadInput]


def collect_archive(path: Path, archs: tuple[str, ...], collected: Collected) -> Given:
    """Return the node images in an archive under the names written in it, each for one of `archs`; raise BadInput.

    One that is for none of them is told apart, as who wants it alone has to hear of that.
    """
    archive = read_archive(path)
    archive.references()  # raises where an image has no name
    others = _others(archive, archs)
    blob = collected.refer(path)
    key = f"images in {blob.digest} {archs}"
    known = collected.remembered(key)
    if known is not None:
        return Given(known, others)
    with path.open("rb") as stream:
        files = taken_apart(stream, collected)
    images = _docker_images if archive.transport == "docker-archive" else _oci_images
    try:
        found = list(images(archive, files, archs, collected))
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadInput(f"{path}: is no image archive: {error}", _HINT) from error
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from error
    items = [parts.item(Kind.NODE_IMAGE, name, "given") for name, parts in found]
    return Given(collected.remember(key, items), others)


def taken_apart(stream: IO[bytes], collected: Collected) -> Files:
    """Return path -> content of the files in a tar, plain or compressed, all of them kept in the cache."""
    files: dict[str, Blob] = {}
    links: dict[str, str] = {}
    try:
        with collected.scratch() as scratch, tarfile.open(fileobj=stream, mode="r|*") as tar:
            for member in tar:
                name = normpath(member.name)
                if member.issym() or member.islnk():  # `docker save` links a layer that it wrote already
                    links[name] = normpath(join(dirname(name) if member.issym() else "", member.linkname))
                elif member.isfile():
                    files[name] = _taken(tar, member, scratch / "content", collected)
    except (tarfile.TarError, EOFError) as error:
        raise BadInput(f"an archive of images cannot be read: {error}", _HINT) from error
    return files | {name: files[target] for name, target in links.items() if target in files}


def saved_image(files: Files, collected: Collected) -> ImageParts:
    """Return the one image that `docker save` wrote."""
    entry = _entries(files, collected)[0]
    return docker_parts(entry, files, content_of(collected), collected.take_bytes)


def content_of(collected: Collected) -> Any:
    """Return how the beginning of a content is read."""

    def read(blob: Blob, limit: int) -> bytes:
        with collected.path(blob).open("rb") as stream:
            return stream.read(limit)

    return read


def _taken(tar: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path, collected: Collected) -> Blob:
    content = tar.extractfile(member)
    assert content is not None  # noqa: S101 - it is a file
    total, size = sha256(), 0
    scratch.unlink(missing_ok=True)
    with scratch.open("wb") as stream:
        while chunk := content.read(_CHUNK):
            total.update(chunk)
            stream.write(chunk)
            size += len(chunk)
    return collected.take(scratch, Blob(digest=f"sha256:{total.hexdigest()}", size=size))


def _docker_images(
    archive: Archive, files: Files, archs: tuple[str, ...], collected: Collected
) -> Iterator[tuple[str, ImageParts]]:
    for entry, image in zip(_entries(files, collected), archive.images, strict=True):
        if _archs_of(image, archs):
            parts = docker_parts(entry, files, content_of(collected), collected.take_bytes)
            for name in entry["RepoTags"]:
                yield str(name), parts


def _oci_images(
    archive: Archive, files: Files, archs: tuple[str, ...], collected: Collected
) -> Iterator[tuple[str, ImageParts]]:
    """Yield the images of a layout: all architectures where the layout has them all, else those that are asked for."""
    content = content_of(collected)
    for (name, top), image in zip(references(files, content), archive.images, strict=True):
        asked = _archs_of(image, archs)
        try:
            if asked:
                yield name, oci_parts(top, files, content, None)
        except BadInput:
            for arch in asked:
                yield name, oci_parts(top, files, content, arch)


def _archs_of(image: ArchivedImage, archs: tuple[str, ...]) -> list[str]:
    """Return those of `archs` whose machines can run an image, as far as it says."""
    return [arch for arch in archs if platform_fault(image.platforms, arch) is None]


def _others(archive: Archive, archs: tuple[str, ...]) -> dict[str, BadInput]:
    others: dict[str, BadInput] = {}
    for image in archive.images:
        if not _archs_of(image, archs):
            held = ", ".join(sorted(platform.removeprefix("linux/") for platform in image.platforms))
            for name in image.references:
                fault = f"{archive.path}: {name}: is for {held}, the bundle is for {', '.join(archs)}"
                others[full_name(name)] = BadInput(fault, platform_hint(archs[0]))
    return others


def _entries(files: Files, collected: Collected) -> list[dict[str, Any]]:
    content = content_of(collected)(files["manifest.json"], JSON_LIMIT_BYTES)
    return [dict(entry) for entry in json.loads(content)]
