"""Layers of images as tars in a folder, each named by its digest (OCI image spec 1.1, layer.md)."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from posixpath import basename, dirname, join, normpath
from typing import IO

_GZIP = b"\x1f\x8b"
_REMOVED, _EMPTIED = ".wh.", ".wh..wh..opq"  # whiteouts: what a layer takes away from those below
_XATTR = "SCHILY.xattr."  # the only pax headers that are of a file, not of the tar


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that lies in `file`, not compressed; `digest` is `sha256:<hex>` of it, which a config calls diff ID."""

    digest: str
    size: int
    file: Path


def kept_layer(source: IO[bytes], folder: Path) -> Layer:
    """Put the layer that `source` holds, gzipped or not, into `folder`, byte for byte."""
    scratch = folder / "layer.new"
    is_gzipped = source.read(len(_GZIP)) == _GZIP
    source.seek(0)
    with scratch.open("wb") as target, gzip.open(source) if is_gzipped else nullcontext(source) as plain:
        shutil.copyfileobj(plain, target, 1 << 20)
    return _named(scratch, folder)


def timeless_layer(source: IO[bytes], folder: Path, time_s: int) -> Layer:
    """Put the layer that `source` holds into `folder`, with its files sorted and all of the time `time_s`."""
    scratch = folder / "layer.new"
    with tarfile.open(fileobj=source) as old, tarfile.open(scratch, "w", format=tarfile.PAX_FORMAT) as new:
        for entry in sorted(old, key=lambda entry: (entry.islnk(), entry.name)):  # a hard link after its file
            entry.mtime, entry.uname, entry.gname = time_s, "", ""
            entry.pax_headers = {name: value for name, value in entry.pax_headers.items() if name.startswith(_XATTR)}
            new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
    return _named(scratch, folder)


def _named(scratch: Path, folder: Path) -> Layer:
    with scratch.open("rb") as stream:
        digest = file_digest(stream, "sha256").hexdigest()
    size = scratch.stat().st_size
    return Layer(f"sha256:{digest}", size, scratch.rename(folder / digest))


def image_files(layers: Iterable[Layer], is_wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted files of an image of these layers, the lowest first: path without a slash before it -> content.

    A symbolic link to a file that is wanted too has its content.
    """
    found: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for layer in layers:
        with tarfile.open(layer.file) as tar:
            for entry in tar:
                path = entry.name.removeprefix("./")
                if basename(path).startswith(_REMOVED):
                    _take_away(found, path)
                elif entry.isreg() and is_wanted(path) and (content := tar.extractfile(entry)):
                    found[path] = content.read()
                elif entry.issym() and is_wanted(path):
                    links[path] = normpath(join(dirname(path), entry.linkname))
    return found | {path: found[target] for path, target in links.items() if target in found}


def _take_away(found: dict[str, bytes], whiteout: str) -> None:
    folder = dirname(whiteout)
    if basename(whiteout) != _EMPTIED:
        folder = join(folder, basename(whiteout).removeprefix(_REMOVED))
        found.pop(folder, None)
    for path in [path for path in found if path.startswith(f"{folder}/")]:
        del found[path]
