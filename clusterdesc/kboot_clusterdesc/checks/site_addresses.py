"""Rules for the site's addresses: none is a pod's, a service's or the kernel's."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from ..model import ClusterDesc
from ..problem import Problem
from ..site_addresses import asked_by_machines, cluster_ranges
from ..source import Tree
from .at import problem_at

_SUBNET = "network.subnet"
_LOOPBACK, _LINK_LOCAL = IPv4Network("127.0.0.0/8"), IPv4Network("169.254.0.0/16")
_KEPT = {  # RFC 6890 and RFC 5771: what no router passes on, and no machine of a cluster can have
    IPv4Network("0.0.0.0/8"): "means this machine itself",
    _LOOPBACK: "is the loopback of each machine",
    _LINK_LOCAL: "is link-local",
    IPv4Network("224.0.0.0/4"): "is for multicast",
}


def check_kept_ranges(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each range that holds addresses with a meaning of their own.

    A subnet on loopback passes: a whole fleet may be played on one machine.
    """
    for key, addresses in ({_SUBNET: desc.network.subnet} | cluster_ranges(desc)).items():
        for kept, meaning in _KEPT.items():
            if addresses.overlaps(kept) and (key, kept) != (_SUBNET, _LOOPBACK):
                yield problem_at(
                    tree,
                    tuple(key.split(".")),
                    f"{addresses} overlaps {kept}, which {meaning}",
                    "take a range of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
                )


def check_site_addresses(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each address that machines ask and could not reach, placed at its own key.

    Of those in network.subnet that range is the fault, see `check_ranges_apart`.
    """
    for path, address in asked_by_machines(desc):
        for key, addresses in cluster_ranges(desc).items():
            if address in addresses and address not in desc.network.subnet:
                yield problem_at(
                    tree,
                    path,
                    f"{address} lies in {key} ({addresses}): machines would look for it inside the cluster",
                    f"give {key} a private range that nothing else of the site uses",
                    given=(key, _SUBNET),
                )


def check_servers(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each address of a server at which no server can be.

    A machine may have a balancer of its own at its loopback, and the bootstrapper a resolver: those pass.
    """
    asked = [(path, address, "kubernetes" not in path) for path, address in asked_by_machines(desc)]
    asked += [(("network", "upstream_dns", i), address, False) for i, address in enumerate(desc.network.upstream_dns)]
    for path, address, is_far in asked:
        meaning = "" if address in desc.network.subnet else _meaning(address, is_far=is_far)
        if meaning:
            message = f"{address} {meaning}, which is no server of the site"
            yield problem_at(tree, path, message, "name the address that the server has in the site's network")


def _meaning(address: IPv4Address, *, is_far: bool) -> str:
    """Return what an address stands for instead of a server, empty if it can be one's; `is_far`: on another machine."""
    if address == IPv4Address("255.255.255.255"):
        return "is every machine"
    passed = {_LINK_LOCAL} if is_far else {_LINK_LOCAL, _LOOPBACK}  # clouds have name servers at the first
    return next((meaning for kept, meaning in _KEPT.items() if address in kept and kept not in passed), "")
