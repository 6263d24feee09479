"""What is new in a bundle against another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..supplies.bundle_manifest import Item, Kind, Manifest


class Change(StrEnum):
    """What became of an item."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One item of the newer bundle, or for `removed` of the older.

    `before` is its version in the older one where that had it. `size` is what of it the older one does not hold, in
    bytes.
    """

    change: Change
    item: Item
    before: str
    size: int


def differences(older: Manifest, newer: Manifest) -> Iterator[Difference]:
    """Yield what differs, in the order of manifests, and what is gone at the end; what is the same is not named.

    An item is the same thing in both by its kind, name, architecture, and where several have these by its path.
    """
    before, after = _things(older), _things(newer)
    held = set(older.needed)
    for key, item in after.items():
        size = sum(blob.size for blob in set(item.contents) if blob.digest not in held)
        if key not in before:
            yield Difference(Change.ADDED, item, "", size)
        elif before[key].digest != item.digest:
            yield Difference(Change.CHANGED, item, before[key].version, size)
    for key, item in before.items():
        if key not in after:
            yield Difference(Change.REMOVED, item, item.version, 0)


def left_out_since(older: Manifest, newer: Manifest) -> tuple[str, ...]:
    """Return the digests of `newer` that whoever loaded `older` holds, sorted."""
    return tuple(sorted(newer.needed.keys() & older.needed.keys()))


def _things(manifest: Manifest) -> dict[tuple[Kind, str, str, str], Item]:
    """Return the items by what they are; a wheel's or package's place says its version, and so does not count."""
    found: dict[tuple[Kind, str, str, str], Item] = {}
    for item in manifest.items:
        key = (item.kind, item.name, item.arch, "")
        while key in found:  # the wheels of one package for several versions of Python
            key = (item.kind, item.name, item.arch, f"{key[3]}+")
        found[key] = item
    return found
