"""Rules for labels and taints: the syntax that Kubernetes accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .at import Steps, problem_at

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_TAINT = re.compile(r"(?P<key>[^=:]+)(=(?P<value>[^=:]*))?:(?P<effect>[^=:]+)")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def check_labels(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each label that Kubernetes would refuse."""
    for i, node in enumerate(desc.nodes):
        for key, value in node.labels.items():
            path = ("nodes", i, "labels", key)
            yield from _check_key(tree, path, key)
            yield from _check_value(tree, path, value)


def check_taints(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each taint that is not `key=value:Effect`, or that a node has with another value already."""
    for i, node in enumerate(desc.nodes):
        first: dict[tuple[str, str], int] = {}
        for j, taint in enumerate(node.taints):
            path = ("nodes", i, "taints", j)
            match = _TAINT.fullmatch(taint)
            if not match or match["effect"] not in _EFFECTS:
                yield problem_at(
                    tree,
                    path,
                    f"`{taint[:80]}` is not a taint: `key=value:Effect` or `key:Effect`",
                    f"the effects are {', '.join(_EFFECTS)}",
                )
                continue
            if (k := first.setdefault((match["key"], match["effect"]), j)) != j:
                yield problem_at(
                    tree,
                    path,
                    f"`{match['key']}` with {match['effect']} stands here twice, and Kubernetes would refuse the node",
                    "remove one of the two",
                    given=(f"nodes[{i}].taints[{k}]",),
                )
            yield from _check_key(tree, path, match["key"])
            yield from _check_value(tree, path, match["value"] or "")


def _check_key(tree: Tree, path: Steps, key: str) -> Iterator[Problem]:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        yield problem_at(
            tree,
            path,
            f"`{key[:80]}` is not a key of Kubernetes",
            "a name of letters, digits, `-`, `_`, `.`, at most 63, after a domain and `/` if you like",
        )


def _check_value(tree: Tree, path: Steps, value: str) -> Iterator[Problem]:
    if value and not _NAME.fullmatch(value):
        yield problem_at(
            tree,
            path,
            f"`{value[:80]}` is not a value of Kubernetes",
            "letters, digits, `-`, `_`, `.`, at most 63, with a letter or digit at both ends",
        )
