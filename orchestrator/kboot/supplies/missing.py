"""The node images and binaries that machines will ask this bootstrapper for and would not get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import KbootError
from .assets import Asset, list_assets, needed_assets
from .os_releases import has_release
from .registry import Registry
from .standing import Standing

_TIMEOUT_S = 3
_OFFLINE = "without internet `kboot bundle load BUNDLE` or"


def missing_supplies(folder: ClusterFolder, desc: ClusterDesc, images: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each of `images` that is missing, and for the binaries; never raise, never take long."""
    lacking: list[str] = []
    assets: list[Asset] = []
    try:
        with Registry(folder, desc, timeout_s=_TIMEOUT_S) as registry:
            lacking = [name for name in images if registry.digest(name) is None]
    except KbootError as error:
        yield f"node images: {error.message}"
    for reference in lacking:
        ways = f"`kboot images pull`, or {_OFFLINE} `kboot images load ARCHIVE`"
        yield f"image {reference}: not in the registry yet: {ways}"
    with suppress(OSError):
        assets = list_assets(folder, desc)
    yield from _missing_assets(assets, set(needed_assets(desc)))


def _missing_assets(assets: Sequence[Asset], needed: set[str]) -> Iterator[str]:
    ways = f"`kboot assets pull`, or {_OFFLINE} `kboot assets add FOLDER`"
    if missing := [each.path for each in assets if each.standing is Standing.MISSING]:
        yield f"assets {', '.join(missing)}: not here yet: {ways}"
    wrong = [each for each in assets if each.standing is Standing.WRONG and each.path in needed]
    for fault in sorted({each.fault for each in wrong}):
        yield f"assets {', '.join(each.path for each in wrong if each.fault == fault)}: {fault}: {ways}"


def missing_release(folder: ClusterFolder, desc: ClusterDesc) -> Iterator[str]:
    """Yield a sentence where no OS release is there, and no updater brings one."""
    if not desc.os.update.enabled and not has_release(folder, desc):
        place = folder.images / desc.os.channel
        ways = "put it there, or `kboot bundle load BUNDLE` and this again"
        yield f"release {desc.os.version}: not in {place} yet: {ways}"
