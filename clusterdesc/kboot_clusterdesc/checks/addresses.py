"""Rules for addresses."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree, place_of


def check_addresses(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each node whose address lies outside the subnet."""
    for i, node in enumerate(desc.nodes):
        if node.ip is not None and node.ip not in desc.network.subnet:
            place = place_of(tree, ("nodes", i, "ip"))
            yield Problem(place, f"nodes[{i}].ip", f"{node.ip} is outside {desc.network.subnet}", "see network.subnet")
