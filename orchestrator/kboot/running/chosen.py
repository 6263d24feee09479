"""Finds the cluster and the node that a command means, and the description that is in force there."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import kboot_clusterdesc
from kboot_clusterdesc import ClusterDesc, ClusterFolder, InvalidDescription, Mac, Node

from ..errors import BadInput
from ..host import state_folder
from ..host.stamp import refuse_newer
from .cloudconfig_client import JsonObject


class NoSuchCluster(BadInput):
    """There is no cluster under the root, or none of the name that was said."""


def description_in_force(folder: ClusterFolder) -> ClusterDesc:
    """Return the normalised description that the last `kboot up` wrote; raise BadInput where there is none."""
    try:
        return description_at(folder.description)
    except InvalidDescription as error:
        if not folder.description.exists():
            raise BadInput(f"{folder.path}: no such cluster", "`kboot up FILE` makes one") from error
        raise


def description_at(path: Path) -> ClusterDesc:
    """Return the description in the file, read anew only where it changed since; raise InvalidDescription."""
    try:
        found = path.stat()
    except OSError:
        return kboot_clusterdesc.load(path)  # which says what is wrong
    return _loaded(path, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(2)  # the operator's and the one in force: one command asks several times, `kboot watch` without an end
def _loaded(path: Path, stamp: tuple[int, int, int]) -> ClusterDesc:
    return kboot_clusterdesc.load(path)


def chosen_cluster(root: Path, name: str | None) -> ClusterFolder:
    """Return the cluster `name`, else the only one under `root`; raise NoSuchCluster, or BadInput for several.

    Raise NewerFolder for one that this kboot cannot read.
    """
    present = state_folder.clusters(root)
    if name is not None:
        if name not in present:
            raise NoSuchCluster(f"{root}: holds no cluster `{name}`", _present(present))
    elif not present:
        raise NoSuchCluster(f"{root}: holds no cluster", _present(present))
    elif len(present) > 1:
        raise BadInput(f"{root}: holds several clusters", _present(present))
    folder = ClusterFolder(root, name or present[0])
    refuse_newer(folder)
    return folder


def node_named(status: list[JsonObject], name: str) -> JsonObject:
    """Return the node of `status` whose name, or MAC in any spelling, is `name`; raise BadInput if there is none."""
    try:
        mac: str | None = Mac(name)
    except ValueError:
        mac = None
    for node in status:
        if node["name"] == name or (mac is not None and node["mac"] == mac):
            return node
    known = ", ".join(str(node["name"]) for node in status) or "none"
    raise BadInput(f"`{name}` is not a node of this cluster", f"declared: {known}")


def declared_node(desc: ClusterDesc, name: str) -> Node:
    """Return the node of `desc` whose name, or MAC in any spelling, is `name`; raise BadInput if there is none."""
    found = node_named([{"name": node.name, "mac": node.mac} for node in desc.nodes], name)
    return next(node for node in desc.nodes if node.mac == found["mac"])


def _present(names: list[str]) -> str:
    if not names:
        return "`kboot up FILE` makes one; another root is named with `--root`"
    return "say which: " + ", ".join(f"`--cluster {name}`" for name in names)
