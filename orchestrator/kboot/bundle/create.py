"""`kboot bundle create`: what some descriptions need, collected, named by a manifest, written as one archive."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..errors import BadInput, KbootError
from ..supplies.bundle_manifest import Item, Kind, Manifest, sorted_items
from . import layout
from .archive_writer import write_archive
from .collect.collected import Collected
from .comparison import left_out_since
from .head_program import head_program
from .parts import remove_left, writing
from .signature import sign
from .size_text import size_text

_SPARE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Form:
    """How a bundle is written: signed by a key, in parts of a size, without what an older one held."""

    key: Ed25519PrivateKey | None = None
    part_bytes: int | None = None
    since: Manifest | None = None


def bundle_manifest(
    items: Iterable[Item], clusters: Sequence[str], archs: Sequence[str], kboot: str, form: Form
) -> Manifest:
    """Return the manifest of a bundle of these items; raise BadInput where two of them claim one place or name."""
    found = {
        "kboot": kboot,
        "created_for": tuple(clusters),
        "arch": tuple(archs),
        "head": layout.head_sha256(layout.head(head_program())),
        "items": sorted_items(_each_once(items)),
    }
    whole = Manifest.model_validate(found)
    if form.since is None:
        return whole
    left_out = left_out_since(form.since, whole)
    return Manifest.model_validate({**found, "since": form.since.digest, "left_out": left_out})


def _each_once(items: Iterable[Item]) -> list[Item]:
    """Return the items without those that are there already, as two descriptions have them from different places."""
    found: dict[tuple[Kind, str, str], Item] = {}
    for item in items:
        name = item.path or item.name
        other = found.setdefault((item.kind, item.arch, name), item)
        if other.digest != item.digest:
            raise BadInput(
                f"{item.kind} {name}: is {other.digest} from {other.source}, and {item.digest} from {item.source}",
                "name one of them alone, or make a bundle for each cluster",
            )
    return list(found.values())


def write_bundle(
    path: Path, manifest: Manifest, collected: Collected, form: Form, progress: Callable[[str], None]
) -> Path:
    """Write a bundle, and return the path by which it is read; raise KbootError where the disk does not take it."""
    signature = sign(manifest.content, form.key) if form.key else None
    size = layout.archive_size(manifest, is_signed=signature is not None)
    try:
        remove_left(path)
        _check_space(path.parent, size)
        progress(f"writing {path}: {size_text(size)}")
        with writing(path, form.part_bytes) as writer:
            write_archive(writer, manifest, head_program(), signature, collected.path)
            return writer.first
    except OSError as error:
        hint = "free some space there" if error.errno == errno.ENOSPC else "write it elsewhere: `-o BUNDLE`"
        raise KbootError(f"{error.filename or path}: {error.strerror}", f"{hint}, then run this again") from error


def _check_space(folder: Path, size: int) -> None:
    if not folder.is_dir():
        raise BadInput(f"{folder}: is no folder", "write the bundle into one that exists: `-o BUNDLE`")
    free = shutil.disk_usage(folder).free
    if size + _SPARE_BYTES > free:
        raise KbootError(
            f"{folder}: has {size_text(free)} free, the bundle needs {size_text(size)}",
            "free some space there, or write it elsewhere: `-o BUNDLE`; what was collected is kept",
        )
