"""What systemd-networkd of a machine reads: its links, which of them has the node's address, and how that is got."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from kboot_clusterdesc import ClusterDesc, DhcpMode, Node
from kboot_clusterdesc.links import BOOT, Links
from kboot_compose.templates import shared

from .config import File

_NETWORKD = "systemd-networkd.service"
_FOLDER = "/etc/systemd/network"


def has_static_address(desc: ClusterDesc, node: Node) -> bool:
    """Whether the machine sets its address itself, and asks nobody: it has one, and who would hand it out is kboot.

    Where the site hands out addresses, routers and name servers are the site's to tell.
    """
    return node.ip is not None and desc.network.dhcp.mode is DhcpMode.SERVE


def network_files(desc: ClusterDesc, node: Node) -> tuple[File, ...]:
    """Return the files of systemd-networkd; a machine that asks by DHCP keeps what it was given past its lease."""
    links = desc.links_of(node)
    own = File(
        "/etc/systemd/networkd.conf.d/10-kboot.conf", shared("nodes/10-kboot-networkd.conf.j2"), read_by=_NETWORKD
    )
    others = (name for name in _links_in_use(node, links) if name != links.carrier)
    return (
        own,
        _carrier(desc, node, links),
        *_devices(node, links),
        *(_other_link(desc, node, links, name) for name in others),
        _network_file("zy-kboot-others.network", "zy-kboot-others.network", {}),
    )


def _links_in_use(node: Node, links: Links) -> Iterator[str]:
    """Yield the links that something is said of; a card that is only named is left alone."""
    carrying = {vlan.link for vlan in links.vlans}
    for card in node.all_cards:
        if card in carrying or card in node.addresses or links.bond_of(card) is not None:
            yield card
    yield from (link.name for link in links.made)


def _carrier(desc: ClusterDesc, node: Node, links: Links) -> File:
    """Return the file of the link with the node's address."""
    network, name = desc.network, links.carrier
    is_static = has_static_address(desc, node)
    own = [IPv4Interface(f"{node.ip}/{network.subnet.prefixlen}")] if is_static else []
    values: dict[str, object] = {
        "name": None if name in node.all_cards else name,
        "mac": node.all_cards.get(name),
        "mtu": links.mtu_of(name),
        "addresses": (*own, *_addresses(node, name)),
        "gateway": _gateway_on(desc, node, links, name),
        "other_gateway": links.gateway,
        "vlans": _vlans_on(links, name),
        "asks": not is_static,
        "nameservers": network.nameservers or (network.bootstrapper,),
        "ntp": network.ntp,
    }
    return _network_file("10-kboot.network", "10-kboot.network", values)


def _other_link(desc: ClusterDesc, node: Node, links: Links, name: str) -> File:
    values: dict[str, object] = {
        "name": name,
        "mac": node.all_cards.get(name),
        "mtu": links.mtu_of(name),
        "bond": links.bond_of(name),
        "vlans": _vlans_on(links, name),
        "addresses": _addresses(node, name),
        "gateway": _gateway_on(desc, node, links, name),
    }
    return _network_file(f"10-kboot-{name}.network", "10-kboot-link.network", values)


def _devices(node: Node, links: Links) -> Iterator[File]:
    """Yield a file for each link that is to be made."""
    for bond in links.bonds:
        values: dict[str, object] = {
            "name": bond.name,
            "mac": node.mac if BOOT in bond.members else None,
            "mode": bond.mode,
            "miimon_ms": bond.miimon,
            "lacp_rate": bond.lacp_rate,
            "hash_policy": bond.hash_policy,
        }
        yield _network_file(f"10-kboot-{bond.name}.netdev", "10-kboot-bond.netdev", values)
    for vlan in links.vlans:
        values = {"name": vlan.name, "id": vlan.id}
        yield _network_file(f"10-kboot-{vlan.name}.netdev", "10-kboot-vlan.netdev", values)


def _gateway_on(desc: ClusterDesc, node: Node, links: Links, name: str) -> IPv4Address | None:
    """Return the default router that is told to this link: the one within its reach, if it is not asked for."""
    gateway = links.gateway
    if gateway is None and has_static_address(desc, node):
        gateway = next(iter(desc.network.routers), None)
    if gateway is None:
        return None
    subnets = [address.network for address in _addresses(node, name)]
    if name == links.carrier:
        subnets.append(desc.network.subnet)
    return gateway if any(gateway in subnet for subnet in subnets) else None


def _addresses(node: Node, name: str) -> tuple[IPv4Interface, ...]:
    return (node.addresses[name],) if name in node.addresses else ()


def _vlans_on(links: Links, name: str) -> tuple[str, ...]:
    return tuple(vlan.name for vlan in links.vlans if vlan.link == name)


def _network_file(name: str, template: str, values: dict[str, object]) -> File:
    return File(f"{_FOLDER}/{name}", shared(f"nodes/{template}.j2", **values), read_by=_NETWORKD)
