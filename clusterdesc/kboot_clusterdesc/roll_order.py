"""The order in which running machines are taken down: for OS releases, Kubernetes and node configs alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from .model import Role

# The annotation of a node that is taken down: `cordoned` where it was cordoned for that, else `begun`.
ROLL_MARK = "kboot.io/upgrade"
ROLL_CORDONED, ROLL_BEGUN = "cordoned", "begun"
# The priority class of pods without which a node does not work: kube-proxy, the pod network, the control plane.
NODE_CRITICAL = "system-node-critical"

T = TypeVar("T")


class First(StrEnum):
    """Who goes first.

    A kubelet must not be newer than an API server: Kubernetes begins with the control planes. A release of the OS is
    tried where the least is lost: it begins with the workers.
    """

    CONTROL_PLANES = "control-planes"
    WORKERS = "workers"


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Machines of one kind, in order, of which `at_once` may be down together; the group before them is through."""

    machines: tuple[T, ...]
    at_once: int


def is_counted(roles: Collection[Role]) -> bool:
    """Return whether the cluster counts on each machine with these roles: two of them are never down together."""
    return Role.CONTROL_PLANE in roles or Role.ETCD in roles


def roll_groups(
    machines: Iterable[T],
    roles_of: Callable[[T], Collection[Role]],
    first: First,
    at_once: int = 1,
    is_begun: Callable[[T], bool] = lambda machine: False,
) -> list[Group[T]]:
    """Return control planes, etcd members and the other machines as groups, in the order in which they go.

    Control planes and etcd members go one by one, the others `at_once`. Within a group those that were begun before
    come first, and the order of `machines` holds.
    """
    planes: list[T] = []
    members: list[T] = []
    others: list[T] = []
    for machine in sorted(machines, key=lambda each: not is_begun(each)):
        roles = roles_of(machine)
        kind = planes if Role.CONTROL_PLANE in roles else members if Role.ETCD in roles else others
        kind.append(machine)
    counted = [Group(tuple(planes), 1), Group(tuple(members), 1)]
    rest = [Group(tuple(others), at_once)]
    groups = rest + counted if first is First.WORKERS else counted + rest
    return [group for group in groups if group.machines]


def batches(groups: Iterable[Group[T]]) -> list[tuple[T, ...]]:
    """Return the machines of all groups as batches, in order, each of those that go together."""
    return [
        group.machines[begin : begin + group.at_once]
        for group in groups
        for begin in range(0, len(group.machines), group.at_once)
    ]
