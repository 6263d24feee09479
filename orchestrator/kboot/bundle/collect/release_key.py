"""The key that vouches for an OS release: the operator's own, or the family's, as an updater kept it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, FamilyNames, family_of
from kboot_clusterdesc.openpgp import dearmored, public_keys

from ...errors import BadInput
from ...supplies.bundle_manifest import Item, Kind
from ...supplies.release_keys import kept_key, key_name, renewed
from .collected import Collected


def collect_release_key(
    desc: ClusterDesc,
    own: bytes | None,
    folders: Iterable[Path],
    collected: Collected,
    progress: Callable[[str], None],
    names: FamilyNames | None = None,
) -> Item | None:
    """Return the key that a description's release is verified with, `own` of the operator or the family's.

    That lies in one of `folders`; where it does not, that is said, and the updater has to fetch it.
    """
    if own is not None:
        return _item(desc, _fingerprint(own), own, f"os.release_key of {desc.cluster.name}", collected)
    family = names or family_of(desc.os.family)
    fingerprint = family.key_fingerprint
    newest = newest_key(folders, fingerprint)
    if newest is None:
        progress(
            f"the release key {fingerprint} of {desc.os.family} is not here, so it is not in the bundle:"
            f" put {key_name(fingerprint)} beside the release, or give it as `os.release_key`"
        )
        return None
    return _item(desc, fingerprint, newest, family.key_url, collected)


def newest_key(folders: Iterable[Path], fingerprint: str) -> bytes | None:
    """Return the newest edition of the family's key among those that lie in `folders`; None where none does."""
    found = {key: time for key in _copies(folders, fingerprint) if (time := renewed(key, fingerprint)) is not None}
    return max(found, key=lambda key: (found[key], key), default=None)


def key_folders(given: Sequence[Path], root: Path, cache: Path) -> list[Path]:
    """Return where the family's key may lie.

    Beside releases that are given, or above them as an updater keeps it; in the stores of the clusters below `root`,
    and of the releases that were fetched for bundles, in `cache`.
    """
    beside = [place for folder in given for place in (folder, *folder.absolute().parents[:2])]
    clusters = [ClusterFolder(root, path.parent.name).images for path in root.glob("*/images")]
    return [*beside, *sorted(clusters), *sorted(path for path in cache.glob("os/*") if path.is_dir())]


def _copies(folders: Iterable[Path], fingerprint: str) -> Iterator[bytes]:
    for folder in folders:
        if (kept := kept_key(folder, fingerprint)) is not None:
            yield kept
        if (shown := folder / key_name(fingerprint)).is_file():
            yield shown.read_bytes()


def _fingerprint(key: bytes) -> str:
    try:
        return public_keys(dearmored(key))[0].fingerprint
    except ValueError as error:
        raise BadInput(f"the key of `os.release_key` is of no use: {error}", "write it with `gpg --export`") from error


def _item(desc: ClusterDesc, fingerprint: str, key: bytes, source: str, collected: Collected) -> Item:
    blob = collected.take_bytes(key)
    name = key_name(fingerprint)
    path = f"{desc.os.family}/{name}"
    return Item(kind=Kind.OS_FILE, name=name, digest=blob.digest, size=blob.size, source=source, path=path)
