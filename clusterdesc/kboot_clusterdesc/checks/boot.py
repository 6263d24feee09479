"""Rules for how machines boot: what is there for their architecture, and who hands it out."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc, DhcpMode
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_arch(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for an architecture that no boot loader is built for."""
    if desc.os.arch != "amd64":
        yield problem_at(
            tree,
            ("os", "arch"),
            f"kboot has no boot loader for {desc.os.arch}, so no machine would start",
            "write `arch: amd64`, or leave it out, and machines of another architecture too",
        )


def check_loaders(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each loader of a node that nobody would send it to."""
    if desc.network.dhcp.mode is not DhcpMode.OFF:
        return
    for i, node in enumerate(desc.nodes):
        if node.loader is not None:
            yield problem_at(
                tree,
                ("nodes", i, "loader"),
                "with `mode: off` the site's own DHCP server says what a machine loads, kboot does not",
                f"take it out, and have that server send this machine to tftp://{desc.network.bootstrapper}/{node.loader}",
                given=("network.dhcp.mode",),
            )
