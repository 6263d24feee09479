"""The names that are known before any lease: what dnsmasq answers, and each machine's own /etc/hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.model import API_PORT

ALL_NAMES = 256  # in a rack of so many nodes, each machine knows the names of all


@dataclass(frozen=True, slots=True)
class Record:
    """An address and its names, the first of which is also the answer in reverse."""

    ip: IPv4Address
    names: tuple[str, ...]


def api_record(desc: ClusterDesc) -> str | None:
    """Return the name of the API server that dnsmasq answers for; None where it is an address or a name of the site.

    In the cluster's domain it is the site's where it has another port: a balancer, which the site's DNS names.
    """
    host, port = desc.api_endpoint
    ours = host.endswith(f".{desc.cluster.domain}") and host not in desc.network.hosts and port == API_PORT
    is_node = host.removesuffix(f".{desc.cluster.domain}") in desc.node_names
    return host if desc.kubernetes is not None and ours and not is_node else None


def records(desc: ClusterDesc) -> list[Record]:
    """Return what dnsmasq answers before any lease: the cluster's own names, then extra hosts."""
    own = own_records(desc)
    extra = [Record(address, (name,)) for name, address in sorted(desc.network.hosts.items())]
    known = set(own)
    return [*own, *(record for record in extra if record not in known)]


def own_records(desc: ClusterDesc, reader: Node | None = None) -> list[Record]:
    """Return the names of the cluster itself: bootstrapper, registry, nodes with an address, the API server.

    The API server's name stands at each control plane, so that its answer has all of them, or only where
    `network.hosts` puts it. A node, as the `reader`, has the order in which it is to try them, and in a large rack the
    names alone that it asks by itself.
    """
    domain, api = desc.cluster.domain, api_record(desc)
    servers = {node.mac for node in desc.control_planes}
    own = [f"bootstrapper.{domain}", "bootstrapper"]
    if desc.registry.domain not in own:
        own.append(desc.registry.domain)
    found = [Record(desc.network.bootstrapper, tuple(own))]
    for node in _nodes(desc, reader):
        more = (api,) if api is not None and node.mac in servers else ()
        if node.ip is not None:
            found.append(Record(node.ip, (f"{node.name}.{domain}", node.name, *more)))
    endpoint, _ = desc.api_endpoint
    if desc.kubernetes is not None and endpoint in desc.network.hosts:
        found.append(Record(desc.network.hosts[endpoint], (endpoint,)))
    return found


def _nodes(desc: ClusterDesc, reader: Node | None) -> list[Node]:
    """Return the nodes with an address in the order of MACs, but the control planes among them as `reader` tries them.

    That is itself first, then by a hash over both MACs: clients are spread over the control planes, those of one that
    is off over all others, and a node that comes or goes changes no other's order.

    Of more than ALL_NAMES nodes, a reader has itself, control planes and members of etcd: were it all, a rack ten times
    as large would have configs a hundred times as large. API servers call kubelets by name, so theirs are all.
    """
    servers = {node.mac: node for node in desc.control_planes}
    known: Iterable[Node] = desc.nodes
    if reader is not None and reader.mac not in servers and len(desc.nodes) > ALL_NAMES:
        known = {node.mac: node for node in (*desc.control_planes, *desc.etcd_members, reader)}.values()
    nodes = sorted((node for node in known if node.ip is not None), key=lambda node: node.mac)
    if reader is None:
        return nodes

    def turn(server: Node) -> tuple[bool, bytes]:
        return server.mac != reader.mac, sha256(f"{reader.mac} {server.mac}".encode()).digest()

    tried = iter(sorted((node for node in nodes if node.mac in servers), key=turn))
    return [next(tried) if node.mac in servers else node for node in nodes]
