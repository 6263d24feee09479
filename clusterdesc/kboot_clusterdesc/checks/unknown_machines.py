"""Rules for machines that no one declared: what kboot needs to let them join, and which it is to ignore."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc, DhcpMode
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_unknown_machines(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where undeclared machines are to become workers, without Kubernetes or kboot's DHCP."""
    if not desc.lets_machines_join:
        return
    path = ("unknown_machines",)
    if desc.kubernetes is None:
        yield problem_at(
            tree,
            path,
            "`worker` needs `kubernetes`: there is no cluster to join",
            "write `unknown_machines: ignore`, or add `kubernetes: {}`",
            given=("kubernetes",),
        )
    if desc.network.dhcp.mode is not DhcpMode.SERVE:
        yield problem_at(
            tree,
            path,
            f"`worker` needs `dhcp.mode: serve`: with `{desc.network.dhcp.mode}` kboot knows no such machine's address",
            "write `unknown_machines: ignore` and declare each machine with its `ip`",
            given=("network.dhcp.mode",),
        )


def check_ignored(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each entry of `ignore` that a declared machine falls under."""
    cards = [(mac, i) for i, node in enumerate(desc.nodes) for mac in node.macs]
    for j, entry in enumerate(desc.ignore):
        for mac, i in cards:
            if mac == entry or mac.startswith(f"{entry}:"):
                yield problem_at(
                    tree,
                    ("ignore", j),
                    f"{entry} is to be ignored, and {mac} of nodes[{i}] begins so",
                    "take it out, or write the whole MACs of what is to be ignored",
                    given=(f"nodes[{i}].mac", f"nodes[{i}].more_macs", f"nodes[{i}].cards"),
                )
                break
