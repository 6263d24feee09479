"""Rules for the pod range: it has a block for each node."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import POD_BLOCK_PREFIX, ClusterDesc
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_pods(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where the pod range has fewer blocks than there are nodes."""
    if desc.kubernetes is None:
        return
    pods = desc.kubernetes.pod_cidr
    blocks = 1 << (POD_BLOCK_PREFIX - pods.prefixlen) if pods.prefixlen <= POD_BLOCK_PREFIX else 0
    if blocks < max(len(desc.nodes), 1):
        wanted = POD_BLOCK_PREFIX - (max(len(desc.nodes), 1) - 1).bit_length()
        yield problem_at(
            tree,
            ("kubernetes", "pod_cidr"),
            f"{len(desc.nodes)} nodes, {blocks} blocks of /{POD_BLOCK_PREFIX} in {pods}: each node needs one",
            f"take a /{wanted} or a larger range",
        )
