"""Takes a bundle into the store: every byte is checked on its way to `incoming`, then all is published at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from hashlib import file_digest
from pathlib import Path

from ..errors import BadInput, KbootError
from ..host.files import failed, sync_files
from ..supplies.bundle_manifest import Blob, Item, Manifest
from ..supplies.store import SupplyStore
from .archive_reader import BundleReader
from .images import check_images
from .size_text import size_text

_SPARE_BYTES = 64 << 20  # for the names and the journal of the file system


def receive(store: SupplyStore, reader: BundleReader, where: str, progress: Callable[[Item], None]) -> list[Blob]:
    """Take the contents of a bundle into the store, and return those that it lacked, or had with other bytes.

    What a killed run left in `incoming` is taken again where its bytes are right, and goes if not. A run that fails
    removes what it brought. Raises BadInput where the bundle is wrong, KbootError where the disk is.
    """
    manifest = reader.manifest
    _check_held(store, manifest, where)
    is_new = not store.path.exists()
    try:
        store.incoming.mkdir(parents=True, exist_ok=True)
        lacking = [blob for _, blob in manifest.archived.values() if not store.has(blob)]
        _remove_left(store, lacking)
        _check_space(store, lacking)
        arrived = dict(_arrivals(store, reader, progress))
        check_images(manifest, lambda blob: _place(store, blob), where)
        sync_files(list(arrived))
        store.publish(manifest, arrived)
        shutil.rmtree(store.incoming)
    except KbootError:
        shutil.rmtree(store.path if is_new else store.incoming, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(store.path if is_new else store.incoming, ignore_errors=True)
        raise failed(error, store.path) from error
    return list(arrived.values())


def _check_held(store: SupplyStore, manifest: Manifest, where: str) -> None:
    """Raise BadInput where the store lacks what a bundle left out since an older one."""
    for digest in manifest.left_out:
        item, blob = manifest.needed[digest]
        if not store.has(blob):
            raise BadInput(
                f"{where}: leaves out {digest} of {item.kind} {item.name}, which is not here",
                f"load the bundle first whose manifest is {manifest.since}",
            )


def _remove_left(store: SupplyStore, lacking: list[Blob]) -> None:
    """Remove what a killed load left in `incoming` and this one cannot take again."""
    sizes = {blob.digest.removeprefix("sha256:"): blob.size for blob in lacking}
    for path in store.incoming.iterdir():
        if path.stat().st_size != sizes.get(path.name):
            path.unlink()


def _check_space(store: SupplyStore, lacking: list[Blob]) -> None:
    """Raise KbootError where the disk has no room for what is lacking and not yet in `incoming`."""
    there = {path.name for path in store.incoming.iterdir()}
    wanted = sum(blob.size for blob in lacking if blob.digest.removeprefix("sha256:") not in there) + _SPARE_BYTES
    free = shutil.disk_usage(store.incoming).free
    if wanted > free:
        raise KbootError(
            f"{store.path}: has {size_text(free)} free, the bundle needs {size_text(wanted)}",
            "free some space there, then run this again; nothing was changed",
        )


def _arrivals(
    store: SupplyStore, reader: BundleReader, progress: Callable[[Item], None]
) -> Iterator[tuple[Path, Blob]]:
    """Read the bundle to its end; yield the file in `incoming` of each content that the store lacks.

    What the store has is looked at byte by byte as well: loading a bundle again mends what a disk has spoilt.
    """
    last: Item | None = None
    for item, blob, chunks in reader.contents():
        if item is not last:
            progress(item)
        last = item
        path = store.incoming / blob.digest.removeprefix("sha256:")
        is_here = _is_whole(store.blob(blob.digest), blob)
        if is_here or _is_whole(path, blob):
            _drain(chunks)
        else:
            _write(path, chunks)
        if not is_here:
            yield path, blob


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    """Write a content under another name first: what has its digest as name was whole."""
    partial = path.with_name(f"{path.name}.part")
    with partial.open("wb", buffering=0) as stream:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[stream.write(rest) :]
    partial.replace(path)


def _is_whole(path: Path, blob: Blob) -> bool:
    """Return whether a file is this content; every byte is looked at, since a power cut may have taken some."""
    try:
        if path.stat().st_size != blob.size:
            return False
        with path.open("rb", buffering=0) as stream:
            return f"sha256:{file_digest(stream, 'sha256').hexdigest()}" == blob.digest
    except FileNotFoundError:
        return False


def _drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def _place(store: SupplyStore, blob: Blob) -> Path:
    """Return where a content lies that arrived, or that was in the store before."""
    arrived = store.incoming / blob.digest.removeprefix("sha256:")
    return arrived if arrived.exists() else store.blob(blob.digest)
