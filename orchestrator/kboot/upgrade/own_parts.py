"""The parts of the cluster that one machine runs, its member of etcd and its API server, and the wait for them."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from kboot_clusterdesc import Node, Role

from ..errors import NotYet
from ..etcd.quorum import read_voters
from ..host.waiting import looks
from ..preflight.losses import Standing
from ..running.cluster_health import PartHealth, read_api_health

_MEMBER, _SERVER = "etcd member", "API server"
_LOOK_EVERY_S = 1
# What starts anew is not waited for on the machine, so the old one may answer still: a part is back once it has been
# well for so long. systemd stops etcd at once, and the kubelet looks at the manifests of API servers every 20 s.
_STEADY_S = {_MEMBER: 5, _SERVER: 25}


def parts_of(node: Node) -> list[str]:
    """Return which parts of the cluster a node is to run."""
    return [what for role, what in ((Role.ETCD, _MEMBER), (Role.CONTROL_PLANE, _SERVER)) if role in node.roles]


def well_parts(cluster: Standing, node: Node) -> list[str]:
    """Return which parts that the node runs are well, a member of etcd with its vote."""
    return [what for what, part in _parts(cluster, node).items() if part.is_well]


def wait_for_parts(cluster: Standing, node: Node, wanted: Collection[str], timeout_s: float) -> None:
    """Wait until those parts of the node are well, and stay so; raise NotYet where one is not within `timeout_s`."""
    if not wanted:
        return
    trouble: list[str] = []
    well_since: float | None = None
    for gone in looks(timeout_s, _LOOK_EVERY_S):
        parts = _parts(cluster, node)
        trouble = [f"its {what} {parts[what].reason}" for what in wanted if not parts[what].is_well]
        well_since = None if trouble else gone if well_since is None else well_since
        if well_since is not None and gone - well_since >= max(_STEADY_S[what] for what in wanted):
            return
    if trouble:
        raise NotYet(
            f"{node.name} has the config in force and is not well since: {'; '.join(trouble)}",
            "touch no other machine before `kboot status` calls it well",
        )


def _parts(cluster: Standing, node: Node) -> dict[str, PartHealth]:
    where = cluster.desc, cluster.folder, cluster.addresses
    members = read_voters(*where).members if Role.ETCD in node.roles else ()
    servers = read_api_health(*where) if Role.CONTROL_PLANE in node.roles else ()
    named = chain(((_MEMBER, part) for part in members), ((_SERVER, part) for part in servers))
    return {what: part for what, part in named if part.name == node.name}
