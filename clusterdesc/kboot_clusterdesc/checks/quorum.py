"""Rules for roles: a number of etcd members that can vote, and a control plane for Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc, RebootStrategy, Role
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_quorum(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where etcd has no members or an even number, or Kubernetes has no control plane."""
    members = [node.name for node in desc.nodes if Role.ETCD in node.roles]
    roles = tuple(f"nodes[{i}].roles" for i in range(len(desc.nodes)))
    leaders = [node.name for node in desc.nodes if Role.CONTROL_PLANE in node.roles]
    if desc.kubernetes and not leaders:
        yield problem_at(
            tree,
            ("nodes",),
            "no node is a control plane, and `kubernetes` needs one",
            "add `control-plane` to its roles",
            given=roles,
        )
    locked = desc.os.update.reboot_strategy is RebootStrategy.ETCD_LOCK
    if not members and (desc.kubernetes or locked):
        what = "`kubernetes`" if desc.kubernetes else "`reboot_strategy: etcd-lock`"
        yield problem_at(
            tree,
            ("nodes",),
            f"no node is an etcd member, and {what} needs one",
            "add `etcd` to the roles of 1, 3 or 5",
            given=roles,
        )
    elif members and len(members) % 2 == 0:
        yield problem_at(
            tree,
            ("nodes",),
            f"{len(members)} etcd members ({', '.join(members[:8])}): an even number is no safer",
            f"make it {len(members) - 1} or {len(members) + 1}",
            given=roles,
        )


def check_roles(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each role that a node has twice."""
    for i, node in enumerate(desc.nodes):
        for j, role in enumerate(node.roles):
            if role in node.roles[:j]:
                yield problem_at(
                    tree,
                    ("nodes", i, "roles", j),
                    f"`{role}` stands here twice",
                    "remove one",
                    given=(f"nodes[{i}].roles[{node.roles.index(role)}]",),
                )
