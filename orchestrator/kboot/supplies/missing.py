"""The node images and binaries that machines will ask this bootstrapper for and would not get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import node_images

from ..errors import KbootError
from .assets import list_assets
from .registry import Registry
from .standing import Standing

_TIMEOUT_S = 3


def missing_supplies(folder: ClusterFolder, desc: ClusterDesc) -> Iterator[str]:
    """Yield a sentence for each node image that is missing, and one for the binaries; never raise, never take long."""
    lacking: list[str] = []
    paths: list[str] = []
    try:
        with Registry(folder, desc, timeout_s=_TIMEOUT_S) as registry:
            lacking = [name for name in node_images(desc).values() if registry.digest(name) is None]
    except KbootError as error:
        yield f"node images: {error.message}"
    for reference in lacking:
        yield f"image {reference}: not in the registry yet: `kboot images pull`, or `kboot images load FILE`"
    with suppress(OSError):
        paths = [each.path for each in list_assets(folder, desc) if each.standing is Standing.MISSING]
    if paths:
        yield f"assets {', '.join(paths)}: not here yet: `kboot assets pull`, or `kboot assets add FOLDER`"
