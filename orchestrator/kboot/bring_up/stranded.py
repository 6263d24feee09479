"""Which machines nobody could manage any more: those that another description drops while they may run."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterFolder, Phase

from ..errors import KbootError
from ..host.stamp import refuse_newer
from ..preflight.kubernetes_skew import in_force
from ..running.chosen import description_at
from ..running.status import read_nodes
from .changed_lines import dropped

_NEVER_INSTALLED = (Phase.WAITING, Phase.LEASED)


def stranded_machines(path: Path, root: Path) -> list[str]:
    """Return the names of machines that are in force, not in the description `path`, and may be installed.

    Where nobody can say which are installed, all may be.
    """
    desc = description_at(path)
    folder = ClusterFolder(root, desc.cluster.name)
    refuse_newer(folder)
    before = in_force(folder)
    gone = [node.name for node in dropped(before, desc)]
    if before is None or not gone:
        return []
    try:
        phases = {node["name"]: node["phase"] for node in read_nodes(folder, before)}
    except KbootError:  # such as a server that refuses everything until this very `up`
        return gone
    return [name for name in gone if phases.get(name) not in _NEVER_INSTALLED]
