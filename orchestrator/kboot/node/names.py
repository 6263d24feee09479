"""The names that are known before any lease: what dnsmasq answers, and each machine's own /etc/hosts."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc


@dataclass(frozen=True, slots=True)
class Record:
    """An address and its names, the first of which is also the answer in reverse."""

    ip: IPv4Address
    names: tuple[str, ...]


def api_record(desc: ClusterDesc) -> str | None:
    """Return the name of the API server that dnsmasq answers for; None where it is an address or a name of the site."""
    host, _ = desc.api_endpoint
    ours = host.endswith(f".{desc.cluster.domain}") and host not in desc.network.hosts
    names = {f"{node.name}.{desc.cluster.domain}" for node in desc.nodes}
    return host if desc.kubernetes is not None and ours and host not in names else None


def records(desc: ClusterDesc) -> list[Record]:
    """Return what dnsmasq answers before any lease: the cluster's own names, then extra hosts."""
    own = own_records(desc)
    extra = [Record(address, (name,)) for name, address in sorted(desc.network.hosts.items())]
    return [*own, *(record for record in extra if record not in own)]


def own_records(desc: ClusterDesc) -> list[Record]:
    """Return the names of the cluster itself: bootstrapper, registry, nodes with an address, the API server.

    The API server's name stands at each control plane, so that its answer has all of them, or only where
    `network.hosts` puts it.
    """
    domain, api = desc.cluster.domain, api_record(desc)
    servers = {node.mac for node in desc.control_planes}
    own = [f"bootstrapper.{domain}", "bootstrapper"]
    if desc.registry.domain not in own:
        own.append(desc.registry.domain)
    found = [Record(desc.network.bootstrapper, tuple(own))]
    nodes = sorted((n for n in desc.nodes if n.ip is not None), key=lambda n: n.mac)
    for node in nodes:
        more = (api,) if api is not None and node.mac in servers else ()
        if node.ip is not None:
            found.append(Record(node.ip, (f"{node.name}.{domain}", node.name, *more)))
    endpoint, _ = desc.api_endpoint
    if desc.kubernetes is not None and endpoint in desc.network.hosts:
        found.append(Record(desc.network.hosts[endpoint], (endpoint,)))
    return found
