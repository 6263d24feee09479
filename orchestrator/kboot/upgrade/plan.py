"""The plan of an upgrade: which nodes come to the version and node config in force, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kboot_clusterdesc import Role
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.roll_order import First, batches, roll_groups


@dataclass(frozen=True, slots=True)
class NodeState:
    """A declared node at this moment, as the cloud-config server and the Kubernetes API report it."""

    name: str
    roles: tuple[Role, ...]
    is_installed: bool = True
    kubelet: str | None = None  # the version it reports; None: the API has no such node
    is_ready: bool = False
    is_current: bool = False  # its machine reported the config that a reinstall would give it
    is_begun: bool = False  # marked: an upgrade began with it and did not come to its end
    unwell: str | None = None  # what its API server or etcd member lacks
    os: str | None = None  # the release that its machine says it runs
    former_name: str | None = None  # of the node that the API has in its place, where no node is declared so


@dataclass(frozen=True, slots=True)
class Work:
    """The steps that one node needs."""

    name: str
    roles: tuple[Role, ...]
    applies: bool  # else only the cordon and mark of an earlier run are taken back
    drains: bool
    release: str | None = None  # of the OS that it is to reboot into
    applies_addons: bool = False  # on the last control plane: no API server may be older than a new kube-proxy


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches in order, each of nodes that go at once. `blocked` says what must be mended before the first."""

    version: str
    batches: tuple[tuple[Work, ...], ...] = ()
    done: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # not installed yet: their install gives them what is in force
    blocked: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the form that `kboot upgrade --json` prints, without `upgraded`."""
        return {
            "version": self.version,
            "batches": [[work.name for work in batch] for batch in self.batches],
            "done": list(self.done),
            "left_out": list(self.left_out),
            "blocked": list(self.blocked),
        }


def plan_upgrade(version: str, nodes: Sequence[NodeState], batch: int, release: str | None = None) -> Plan:
    """Plan control planes one by one, then etcd members one by one, then the rest of `nodes`, `batch` at once.

    Within each of these groups, the nodes that an earlier run began come first. With `release` machines with an older
    release of the OS come to that one, too.
    """
    present = [node for node in nodes if node.is_installed]
    pending = [node for node in present if not _is_done(node, version, release)]
    groups = roll_groups(
        pending, lambda node: node.roles, First.CONTROL_PLANES, at_once=batch, is_begun=lambda node: node.is_begun
    )
    planes = [node.name for group in groups for node in group.machines if Role.CONTROL_PLANE in node.roles]
    plan = [
        tuple(_work(node, version, release, is_last=node.name in planes[-1:]) for node in each)
        for each in batches(groups)
    ]
    return Plan(
        version,
        tuple(plan),
        tuple(node.name for node in present if node not in pending),
        tuple(node.name for node in nodes if not node.is_installed),
        tuple(_blocks(present)) if pending else (),
    )


def _is_done(node: NodeState, version: str, release: str | None) -> bool:
    return _is_renewed(node, version) and not node.is_begun and not _is_older(node.os, release)


def _is_older(os: str | None, release: str | None) -> bool:
    try:
        return os is not None and release is not None and release_number(os) < release_number(release)
    except ValueError:
        return False


def _is_renewed(node: NodeState, version: str) -> bool:
    return node.kubelet == version and node.is_current


def _work(node: NodeState, version: str, release: str | None, *, is_last: bool = False) -> Work:
    applies = not _is_renewed(node, version)
    wanted = release if _is_older(node.os, release) else None
    # A begun node that is not Ready was drained by an earlier run: nothing can be moved from it any more.
    drains = (applies or wanted is not None) and not (node.is_begun and not node.is_ready)
    return Work(node.name, node.roles, applies, drains, wanted, applies_addons=is_last)


def _blocks(nodes: Sequence[NodeState]) -> Iterator[str]:
    for node in nodes:
        if node.kubelet is None:
            yield f"{node.name}: the API server has no node of this name{_way_of_renamed(node)}"
        elif not node.is_ready and not node.is_begun:
            yield f"{node.name}: is not Ready"
        elif node.unwell is not None and not node.is_begun:
            yield f"{node.name}: {node.unwell}"


def _way_of_renamed(node: NodeState) -> str:
    """Return what is done about a machine that may run under the name which it was installed with."""
    if node.former_name is None:
        return "; one that was given another name: docs/operate.md: Another name"
    old = node.former_name
    return (
        f", its machine is `{old}` there: `kubectl drain {old} --ignore-daemonsets --delete-emptydir-data` and "
        f"`kubectl delete node {old}`, then `kboot node reinstall {node.name}` and power-cycle it"
    )
