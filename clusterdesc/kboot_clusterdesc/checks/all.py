"""Every check, over one description."""

from __future__ import annotations

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .addresses import check_addresses


def problems_of(desc: ClusterDesc, tree: Tree, *, whole: bool) -> list[Problem]:
    """All problems of `desc`; `whole` is False when faulty parts were left out, so that nothing is counted."""
    return list(check_addresses(desc, tree))
