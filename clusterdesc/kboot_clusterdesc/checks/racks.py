"""Rules for the places of machines: a unit is one of a rack."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_racks(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each node that has a unit and no rack. Several may share a unit, as blades do."""
    for i, node in enumerate(desc.nodes):
        if node.unit is not None and node.rack is None:
            yield problem_at(
                tree,
                ("nodes", i, "unit"),
                f"unit {node.unit} of no rack",
                "name its rack, `rack: r1`, or leave the unit out",
                given=(f"nodes[{i}].rack",),
            )
