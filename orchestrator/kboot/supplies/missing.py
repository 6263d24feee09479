"""The node images and binaries that machines will ask this bootstrapper for and would not get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import KbootError
from .assets import list_assets
from .os_releases import has_release
from .registry import Registry
from .standing import Standing

_TIMEOUT_S = 3
_OFFLINE = "without internet `kboot bundle load FILE` or"


def missing_supplies(folder: ClusterFolder, desc: ClusterDesc, images: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each of `images` that is missing, and one for the binaries; never raise, never take long."""
    lacking: list[str] = []
    paths: list[str] = []
    try:
        with Registry(folder, desc, timeout_s=_TIMEOUT_S) as registry:
            lacking = [name for name in images if registry.digest(name) is None]
    except KbootError as error:
        yield f"node images: {error.message}"
    for reference in lacking:
        yield f"image {reference}: not in the registry yet: `kboot images pull`, or {_OFFLINE} `kboot images load FILE`"
    with suppress(OSError):
        paths = [each.path for each in list_assets(folder, desc) if each.standing is Standing.MISSING]
    if paths:
        yield f"assets {', '.join(paths)}: not here yet: `kboot assets pull`, or {_OFFLINE} `kboot assets add FOLDER`"


def missing_release(folder: ClusterFolder, desc: ClusterDesc) -> Iterator[str]:
    """Yield a sentence where no OS release is there, and no updater brings one."""
    if not desc.os.update.enabled and not has_release(folder, desc):
        place = folder.images / desc.os.channel
        yield f"release {desc.os.version}: not in {place} yet: put it there, or `kboot bundle load FILE` and this again"
