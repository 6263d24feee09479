"""dnsmasq: reservations, records and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, DhcpMode

from .templates import rendered


@dataclass(frozen=True, slots=True)
class Reservation:
    """One `dhcp-host` of dnsmasq(8). Without an `ip` the machine gets any address of the range."""

    mac: str
    name: str
    ip: IPv4Address | None


@dataclass(frozen=True, slots=True)
class Record:
    """An address and its names, the first of which is also the answer in reverse."""

    ip: IPv4Address
    names: tuple[str, ...]


def reservations(desc: ClusterDesc) -> list[Reservation]:
    """One for each node, in the order of MACs: a node moved within the file changes no byte."""
    return sorted((Reservation(n.mac, n.name, n.ip) for n in desc.nodes), key=lambda each: each.mac)


def records(desc: ClusterDesc) -> list[Record]:
    """The names that are known before any lease: bootstrapper, registry, nodes with an address, extra hosts."""
    domain = desc.cluster.domain
    own = [f"bootstrapper.{domain}", "bootstrapper"]
    if desc.registry.domain not in own:
        own.append(desc.registry.domain)
    found = [Record(desc.network.bootstrapper, tuple(own))]
    nodes = sorted((n for n in desc.nodes if n.ip is not None), key=lambda n: n.mac)
    found += [Record(n.ip, (f"{n.name}.{domain}", n.name)) for n in nodes if n.ip is not None]
    found += [Record(address, (name,)) for name, address in sorted(desc.network.hosts.items())]
    return found


def dhcp_files(desc: ClusterDesc, interface: str) -> dict[str, bytes]:
    """What dnsmasq reads."""
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
        "routers": network.routers,
        "nameservers": network.nameservers or (network.bootstrapper,),
        "upstream_dns": network.upstream_dns,
        "ntp": network.ntp,
    }
    return {
        "config/dnsmasq.conf": rendered("config/dnsmasq.conf.j2", **values),
        "config/dhcp-hosts": rendered(
            "config/dhcp-hosts.j2", reservations=reservations(desc), lease=network.dhcp.lease
        ),
        "config/hosts": rendered("config/hosts.j2", records=records(desc)),
    }
