"""Rules for the addresses of the network: inside the subnet, and out of each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from ..model import ClusterDesc, DhcpMode
from ..problem import Problem
from ..source import Tree
from .at import Steps, problem_at

_SMALLEST, _LARGEST = 29, 8
_BOOTSTRAPPER, _SUBNET, _MODE = "network.bootstrapper", "network.subnet", "network.dhcp.mode"
_SERVICES = "kubernetes.service_cidr"


def check_network(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each of the network's own addresses that cannot be used."""
    network = desc.network
    subnet = network.subnet
    if not _LARGEST <= subnet.prefixlen <= _SMALLEST:
        yield problem_at(
            tree,
            ("network", "subnet"),
            f"{subnet} cannot hold a cluster",
            f"give the machines a subnet from /{_LARGEST} to /{_SMALLEST}",
        )
    yield from _in_subnet(desc, tree, ("network", "bootstrapper"), network.bootstrapper)
    for i, router in enumerate(network.routers):
        yield from _in_subnet(desc, tree, ("network", "routers", i), router)
    if network.bootstrapper in network.upstream_dns:
        i = network.upstream_dns.index(network.bootstrapper)
        yield problem_at(
            tree,
            ("network", "upstream_dns", i),
            f"{network.bootstrapper} is the bootstrapper, which would ask itself",
            "name the DNS servers of the site, or none",
            given=(_BOOTSTRAPPER,),
        )


def check_range(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for a DHCP range that is missing, inverted, outside the subnet or covers too much."""
    network = desc.network
    path = ("network", "dhcp", "range")
    pool = network.dhcp.range
    if pool is None:
        if network.dhcp.mode is DhcpMode.SERVE:
            yield problem_at(
                tree,
                path,
                "is missing, and `mode: serve` hands out addresses from it",
                "add `range: [first, last]`, or `mode: proxy` where another server hands out addresses",
                given=(_MODE,),
            )
        return
    if pool.first > pool.last:
        yield problem_at(
            tree,
            path,
            f"ends ({pool.last}) before it begins ({pool.first})",
            f"write [{pool.last}, {pool.first}]",
        )
        return
    subnet = network.subnet
    for end in dict.fromkeys((pool.first, pool.last)):
        if end not in subnet:
            yield problem_at(tree, path, f"{end} is outside {subnet}", "see network.subnet", given=(_SUBNET,))
        elif end in (subnet.network_address, subnet.broadcast_address):
            yield problem_at(
                tree,
                path,
                f"{end} is no machine's address in {subnet}",
                "begin or end one beside it",
                given=(_SUBNET,),
            )
    for address, owner in _fixed(desc):
        if address in pool:
            yield problem_at(
                tree,
                path,
                f"{pool.first} to {pool.last} covers {address}, which is {owner}",
                f"end the range before {address}, or begin it after",
                given=(owner,),
            )


def check_nodes(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem, placed at the `ip` key, for each node that could not keep its address."""
    owners = dict(_fixed(desc))
    for i, node in enumerate(desc.nodes):
        path = ("nodes", i, "ip")
        if node.ip is None:
            if desc.network.dhcp.mode is DhcpMode.PROXY:
                yield problem_at(
                    tree,
                    path,
                    "is missing: with `mode: proxy` another server hands out addresses",
                    "write the address that the site gives to this machine, kboot must know it",
                    given=(_MODE,),
                )
            continue
        owner = owners.setdefault(node.ip, f"nodes[{i}].ip")
        if owner != f"nodes[{i}].ip":
            message = f"{node.ip} is taken by {owner}"
            yield problem_at(tree, path, message, "give each machine its own address", given=(owner,))
        else:
            yield from _in_subnet(desc, tree, path, node.ip)


def check_macs(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each MAC that a node above it has already."""
    first: dict[str, int] = {}
    for i, node in enumerate(desc.nodes):
        macs = (node.mac, *node.more_macs)  # those of `cards` are judged with the links
        for j, mac in enumerate(macs, -1):
            path: Steps = ("nodes", i, "mac") if j < 0 else ("nodes", i, "more_macs", j)
            if first.setdefault(mac, i) != i:
                yield problem_at(
                    tree,
                    path,
                    f"{mac} is the MAC of nodes[{first[mac]}] too",
                    "a machine is declared once, remove one of the two or mend its MAC",
                    given=(f"nodes[{first[mac]}].mac", f"nodes[{first[mac]}].more_macs"),
                )
            elif mac in macs[: j + 1]:
                yield problem_at(tree, path, f"{mac} stands here twice", "write each MAC of a machine once")


def check_ranges_apart(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where subnet, services and pods overlap, or the DNS address is no service's."""
    kubernetes = desc.kubernetes
    if kubernetes is None:
        return
    subnet, services, pods = desc.network.subnet, kubernetes.service_cidr, kubernetes.pod_cidr
    for key, addresses, other_key, other in (
        ("service_cidr", services, _SUBNET, subnet),
        ("pod_cidr", pods, _SUBNET, subnet),
        ("pod_cidr", pods, _SERVICES, services),
    ):
        if addresses.overlaps(other):
            yield problem_at(
                tree,
                ("kubernetes", key),
                f"{addresses} overlaps {other_key} ({other})",
                "take a private range that nothing else of the site uses",
                given=(other_key,),
            )
    if not 12 <= services.prefixlen <= 27:
        yield problem_at(
            tree,
            ("kubernetes", "service_cidr"),
            f"{services} is too {'large' if services.prefixlen < 12 else 'small'} for services",
            "take a range from /12 to /27",
        )
        return
    dns = kubernetes.dns_address
    path = ("kubernetes", "dns_service_ip")
    if dns not in services:
        yield problem_at(
            tree,
            path,
            f"{dns} is outside kubernetes.service_cidr ({services})",
            f"leave it out for {services[10]}",
            given=(_SERVICES,),
        )
    elif dns in (services[0], services[1], services[-1]):
        yield problem_at(
            tree,
            path,
            f"{dns} is kept for the API server or for no one",
            f"leave it out for {services[10]}",
            given=(_SERVICES,),
        )


def _in_subnet(desc: ClusterDesc, tree: Tree, path: tuple[str | int, ...], address: IPv4Address) -> Iterator[Problem]:
    subnet = desc.network.subnet
    if address not in subnet:
        yield problem_at(tree, path, f"{address} is outside {subnet}", "see network.subnet", given=(_SUBNET,))
    elif address == subnet.network_address:
        message = f"{address} is the network address of {subnet}"
        yield problem_at(tree, path, message, "take another", given=(_SUBNET,))
    elif address == subnet.broadcast_address:
        message = f"{address} is the broadcast address of {subnet}"
        yield problem_at(tree, path, message, "take another", given=(_SUBNET,))


def _fixed(desc: ClusterDesc) -> list[tuple[IPv4Address, str]]:
    """Return the addresses of the bootstrapper and of the site's servers, each with the first key that has it."""
    network = desc.network
    owners = {network.bootstrapper: _BOOTSTRAPPER}
    for key, addresses in (
        ("routers", network.routers),
        ("nameservers", network.nameservers),
        ("upstream_dns", network.upstream_dns),
        ("ntp", network.ntp),
    ):
        for i, address in enumerate(addresses):
            owners.setdefault(address, f"network.{key}[{i}]")
    return list(owners.items())
