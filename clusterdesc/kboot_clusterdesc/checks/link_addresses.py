"""Rules for the addresses on links: on a link that is there, each in a subnet of its own, a router within reach."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from ..model import ClusterDesc, DhcpMode, Node
from ..problem import Problem, dotted
from ..source import Tree
from .at import Steps, problem_at

_SUBNET, _MODE = "network.subnet", "network.dhcp.mode"


def check_link_addresses(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each address on a link that a machine could not have there, and for each gateway."""
    owners: dict[IPv4Address, str] = {}
    for i, node in enumerate(desc.nodes):
        for name, address in node.addresses.items():
            path: Steps = ("nodes", i, "addresses", name)
            owner = owners.setdefault(address.ip, dotted(path))
            if owner != dotted(path):
                message = f"{address.ip} is taken by {owner}"
                yield problem_at(tree, path, message, "give each machine its own address", given=(owner,))
            yield from _own_subnet(desc, tree, path, address)
        yield from _on_links(desc, tree, i, node)
        yield from _subnets_apart(tree, i, node)
        yield from _gateway(desc, tree, i, node)
        yield from _carrier(desc, tree, i, node)


def _own_subnet(desc: ClusterDesc, tree: Tree, path: Steps, address: IPv4Interface) -> Iterator[Problem]:
    """Yield a problem for an address that is none of a machine, or whose subnet is another one's."""
    subnet = address.network
    if subnet.prefixlen < 31 and address.ip in (subnet.network_address, subnet.broadcast_address):
        kind = "network" if address.ip == subnet.network_address else "broadcast"
        yield problem_at(tree, path, f"{address.ip} is the {kind} address of {subnet}", "take another")
    taken = [(_SUBNET, desc.network.subnet)]
    if desc.kubernetes is not None:
        taken += [(f"kubernetes.{key}", getattr(desc.kubernetes, key)) for key in ("service_cidr", "pod_cidr")]
    for key, other in taken:
        if subnet.overlaps(other):
            hint = "the address there is `ip`" if key == _SUBNET else "take a subnet that nothing else uses"
            yield problem_at(tree, path, f"{subnet} overlaps {key} ({other})", hint, given=(key,))


def _on_links(desc: ClusterDesc, tree: Tree, i: int, node: Node) -> Iterator[Problem]:
    links = desc.links_of(node)
    given = ("network.links", f"nodes[{i}].links", f"nodes[{i}].cards")
    known = [*node.all_cards, *(each.name for each in links.made)]
    for name in node.addresses:
        path: Steps = ("nodes", i, "addresses", name)
        if name not in known:
            yield problem_at(tree, path, "no link of that name is there", f"known: {', '.join(known)}", given)
        elif bond := links.bond_of(name):
            message = f"`{name}` is a member of `{bond}`, and a member has no address"
            yield problem_at(tree, path, message, f"write `{bond}: {node.addresses[name]}`", given)


def _subnets_apart(tree: Tree, i: int, node: Node) -> Iterator[Problem]:
    """Yield a problem where two links of a machine lie in one subnet: answers would leave by either."""
    seen: dict[str, IPv4Interface] = {}
    for name, address in node.addresses.items():
        for other, before in seen.items():
            if address.network.overlaps(before.network):
                message = f"{address.network} overlaps the subnet of `{other}` ({before.network})"
                given = (f"nodes[{i}].addresses.{other}",)
                yield problem_at(tree, ("nodes", i, "addresses", name), message, "each link has its own", given)
        seen[name] = address


def _gateway(desc: ClusterDesc, tree: Tree, i: int, node: Node) -> Iterator[Problem]:
    gateway = desc.links_of(node).gateway
    if gateway is None:
        return
    path: Steps = ("nodes", i, "links", "gateway") if node.links else ("network", "links", "gateway")
    given = (_SUBNET, f"nodes[{i}].addresses", f"nodes[{i}].links", f"nodes[{i}].ip")
    subnets = [address.network for address in node.addresses.values()]
    own = {node.ip, *(address.ip for address in node.addresses.values())}
    if gateway in own:
        yield problem_at(tree, path, f"{gateway} is an address of {node.name} itself", "name a router", given)
    elif gateway not in desc.network.subnet and not any(gateway in subnet for subnet in subnets):
        message = f"{gateway} is in no subnet of {node.name}"
        hint = "name a router in network.subnet, or give the node an address beside it in `addresses`"
        yield problem_at(tree, path, message, hint, given)
    elif gateway not in desc.network.subnet and node.ip is None:
        message = f"{gateway} is outside {desc.network.subnet}, and {node.name} has no `ip`: its kubelet would take"
        yield problem_at(
            tree, path, f"{message} another address for its own", "give the node an `ip`", (*given, "nodes")
        )


def _carrier(desc: ClusterDesc, tree: Tree, i: int, node: Node) -> Iterator[Problem]:
    """Yield a problem where the node's address would be asked for by a MAC that is not the node's."""
    links = desc.links_of(node)
    is_asked_for = node.ip is None or desc.network.dhcp.mode is not DhcpMode.SERVE
    if not is_asked_for or links.has_boot_card(links.carrier):
        return
    path: Steps = ("nodes", i, "links", "address_on") if node.links else ("network", "links", "address_on")
    yield problem_at(
        tree,
        path,
        f"`{links.carrier}` has not the MAC of {node.name}, by which its address is given",
        "give the node an `ip`, or name the link of its boot card"
        if desc.network.dhcp.mode is DhcpMode.SERVE
        else "name the link of its boot card",
        given=(_MODE, "network.links", "nodes"),
    )
