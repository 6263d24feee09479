"""Renders what dnsmasq reads: reservations, records and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, DhcpMode
from kboot_clusterdesc.shared_files import LEASES
from kboot_compose.templates import rendered

from ..node.names import api_record, records

_FEWEST_LEASES = 4096


@dataclass(frozen=True, slots=True)
class Reservation:
    """One `dhcp-host` of dnsmasq(8). Without an `ip` the machine gets any address of the range."""

    mac: str
    name: str
    ip: IPv4Address | None


def reservations(desc: ClusterDesc) -> list[Reservation]:
    """Return a reservation for each node, in the order of MACs, so that moving a node in the file changes no byte."""
    found = (Reservation(node.mac, node.name, node.ip) for node in desc.nodes)
    return sorted(found, key=lambda each: each.mac)


def kept_addresses(desc: ClusterDesc) -> list[IPv4Address]:
    """Return the addresses of the range that the description gives to what is no node: they are leased to nobody."""
    pool, leased = desc.network.dhcp.range, _leased_names(desc)
    named = {address for name, address in desc.network.hosts.items() if name not in leased}
    if desc.kubernetes is not None and desc.api_endpoint[0] not in leased:
        named.update(desc.kubernetes.api_server.addresses)
    return sorted(each for each in named - {node.ip for node in desc.nodes} if pool is not None and each in pool)


def _leased_names(desc: ClusterDesc) -> set[str]:
    """Return the names that may be of a lease: of nodes without `ip`, the endpoint's where a control plane is one."""
    names = {node.name for node in desc.nodes if node.ip is None}
    return names | ({desc.api_endpoint[0]} if any(node.ip is None for node in desc.control_planes) else set())


def _lease_max(desc: ClusterDesc) -> int:
    """Return how many leases dnsmasq may keep at once: for each address of the range, and each node beside it."""
    pool = desc.network.dhcp.range
    addresses = int(pool.last) - int(pool.first) + 1 if pool is not None else 0
    return max(_FEWEST_LEASES, addresses + len(desc.nodes))


def alias(desc: ClusterDesc) -> tuple[str, str] | None:
    """Return the API server's name as another name of a control plane, where no control plane has a fixed address."""
    api, servers = api_record(desc), desc.control_planes
    if api is None or any(node.ip is not None for node in servers) or not servers:
        return None
    return api, f"{servers[0].name}.{desc.cluster.domain}"


def dhcp_files(desc: ClusterDesc, interface: str) -> dict[str, bytes]:
    """Return the files that dnsmasq reads: path -> file."""
    network = desc.network
    values: dict[str, object] = {
        "interface": interface,
        "bootstrapper": network.bootstrapper,
        "netmask": network.subnet.netmask,
        "network": network.subnet.network_address,
        "broadcast": network.subnet.broadcast_address,
        "domain": desc.cluster.domain,
        "serve": network.dhcp.mode is DhcpMode.SERVE,
        "proxy": network.dhcp.mode is DhcpMode.PROXY,
        "range": network.dhcp.range,
        "lease": network.dhcp.lease,
        "lease_max": _lease_max(desc),
        "lease_file": LEASES,
        "routers": network.routers,
        "nameservers": network.nameservers or (network.bootstrapper,),
        "upstream_dns": network.upstream_dns,
        "time_servers": desc.time_servers,
        "alias": alias(desc),
        "lets_machines_join": desc.lets_machines_join,
        "loaders": sorted({node.loader for node in desc.nodes if node.loader}),
        "loader_by_mac": sorted((mac, node.loader) for node in desc.nodes if node.loader for mac in node.macs),
    }
    return {
        "config/dnsmasq.conf": rendered("config/dnsmasq.conf.j2", **values),
        "config/dhcp-hosts": rendered(
            "config/dhcp-hosts.j2",
            reservations=reservations(desc),
            lease=network.dhcp.lease,
            kept=kept_addresses(desc),
        ),
        "config/hosts": rendered("config/hosts.j2", records=records(desc)),
    }
