"""Supply a lab with node images and binaries made here, as a site without internet is supplied from outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from kboot.host.cache import cache_folder
from kboot.host.engine import Engine
from kboot.host.files import write_file
from kboot.supplies.assets import CNI_NEEDED, add_assets
from kboot.supplies.node_images import NodeImages
from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.node_images import node_images

from .debian_files import debian_files
from .node_image_build import build_node_images

_CNI = {f"/{name}": f"usr/lib/cni/{name}" for name in CNI_NEEDED}


def bring_supplies(engine: Engine, desc: ClusterDesc, binaries: Path | None, progress: Callable[[str], None]) -> None:
    """Fill the registry and the assets with what the nodes of `desc` ask for; what they hold already stays."""
    if not node_images(desc):
        return
    store = NodeImages(engine, engine.folder, desc)
    archives = build_node_images(desc, binaries, progress)
    present, pushed = store.digests(archives), engine.folder.lab / "pushed-images.json"
    before = json.loads(pushed.read_text()) if pushed.exists() else {}
    for reference, archive in archives.items():
        # An archive is named by its content: one that changed takes the place of the old one under its reference.
        if present.get(reference) is None or before.get(reference) != archive.name:
            store.push_archive(archive, reference, progress, as_it_is=True)
    write_file(pushed, json.dumps({name: archive.name for name, archive in archives.items()}).encode())
    if desc.kubernetes is not None and binaries is not None:
        plugins = debian_files(("containernetworking-plugins",), _CNI, cache_folder() / "node-images", progress)
        files = {name: binaries / name for name in ("kubelet", "kubectl")}
        files |= {path.name: path for path in plugins.values()}
        add_assets(engine.folder, files, desc.kubernetes.version)
