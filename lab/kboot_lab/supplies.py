"""What the lab puts where a site without internet would bring it from outside: node images and binaries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kboot.assets import add_assets
from kboot.engine import Engine
from kboot.images.node_store import NodeImages
from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.node_images import node_images

from .node_images import build_node_images


def bring_supplies(engine: Engine, desc: ClusterDesc, binaries: Path | None, progress: Callable[[str], None]) -> None:
    """Fill the registry and the assets with what the nodes of `desc` ask for; what is there stays."""
    if not node_images(desc):
        return
    store = NodeImages(engine, engine.folder, desc)
    present = store.digests()
    for reference, archive in build_node_images(desc, binaries, progress).items():
        if present.get(reference) is None:
            store.push_archive(archive, reference, progress)
    if desc.kubernetes is not None and binaries is not None:
        files = {name: binaries / name for name in ("kubelet", "kubectl")}
        add_assets(engine.folder, files, desc.kubernetes.version)
