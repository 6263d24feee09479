"""Writes a bundle: the same manifest, program and signature give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from ..errors import KbootError
from ..supplies.bundle_manifest import Blob, Item, Manifest
from . import layout
from .archive_reader import CHUNK
from .hashing import HashBeside


class Sink(Protocol):
    """Something that takes bytes in order."""

    def write(self, content: bytes, /) -> object:
        """Take `content` whole."""
        ...


def write_archive(
    sink: Sink,
    manifest: Manifest,
    program: bytes,
    signature: bytes | None,
    content_of: Callable[[Blob], Path],
    progress: Callable[[Item], None] = lambda item: None,
) -> None:
    """Write a bundle; raise KbootError where a content is no longer what the manifest says of it.

    `progress` is told each item before the first of its contents.
    """
    sink.write(layout.head(program, manifest.digest.removeprefix("sha256:")))
    _write_entry(sink, layout.MANIFEST, manifest.content)
    if signature is not None:
        _write_entry(sink, layout.SIGNATURE, signature)
    last: Item | None = None
    with ThreadPoolExecutor(1) as pool:
        for item, blob in manifest.archived.values():
            if item is not last:
                progress(item)
            last = item
            _write_blob(sink, item, blob, content_of(blob), HashBeside(pool))
    sink.write(layout.END)


def _write_entry(sink: Sink, name: str, content: bytes) -> None:
    sink.write(layout.header(name, len(content)) + content + bytes(layout.padding(len(content))))


def _write_blob(sink: Sink, item: Item, blob: Blob, path: Path, total: HashBeside) -> None:
    sink.write(layout.header(layout.blob_name(blob.digest), blob.size))
    size = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            total.update(chunk)
            size += len(chunk)
            sink.write(chunk)
    if size != blob.size or total.digest() != blob.digest:
        raise KbootError(
            f"{path}: is no longer what {item.kind} {item.name} is made of", "remove it, then run this again"
        )
    sink.write(bytes(layout.padding(size)))
