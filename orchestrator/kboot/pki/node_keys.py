"""Names the keys of a machine and of the bootstrapper, and what their certificates say. Pure: makes no key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.model import Kubernetes
from kboot_compose.services import SERVICES, Service, services_of

from .key_pair import Subject

SUPER_GROUP = "system:masters"


class Authority(StrEnum):
    """The authority that issues a certificate; each is a root of its own."""

    CLUSTER = "cluster-ca"
    ETCD = "etcd-ca"
    KUBERNETES = "kubernetes-ca"
    FRONT_PROXY = "front-proxy-ca"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One certificate by name, as kubeadm has them (kubernetes: cmd/kubeadm/app/phases/certs/certlist.go)."""

    name: str
    authority: Authority
    subject: Subject


def key_specs(desc: ClusterDesc, node: Node) -> list[KeySpec]:
    """Return the keys that the roles of `node` need, and no more."""
    specs: list[KeySpec] = []
    if Role.ETCD in node.roles:
        specs += _etcd(desc, node)
    if desc.kubernetes is not None:
        specs += _kubelet(desc, node)
        if desc.kubernetes.cni.name == "routes":
            subject = _client(f"kboot-routes-{node.name}", "kboot:routes")
            specs.append(KeySpec("routes-client", Authority.KUBERNETES, subject))
        if Role.CONTROL_PLANE in node.roles:
            specs += _control_plane(desc, node, desc.kubernetes)
    return specs


def own_specs(desc: ClusterDesc, services: Sequence[Service] = SERVICES) -> list[KeySpec]:
    """Return the keys of the bootstrapper's services."""
    specs = []
    for service in services_of(desc, services):
        if service.tls is not None:
            called = service.tls(desc)
            subject = Subject(service.name, server=True, names=called.names, addresses=called.addresses)
            specs.append(KeySpec(service.name, Authority.CLUSTER, subject))
    return [*specs, *_status_clients(desc)]


def _status_clients(desc: ClusterDesc) -> Iterator[KeySpec]:
    # the cloud-config server's: 10-access.yaml.j2 says what it may in Kubernetes; etcd takes all clients alike
    if desc.kubernetes is not None:
        yield KeySpec("status-client", Authority.KUBERNETES, _client("kboot-status"))
    if desc.etcd_members:
        yield KeySpec("etcd-status-client", Authority.ETCD, _client("kboot-status"))


def _client(common_name: str, *groups: str) -> Subject:
    return Subject(common_name, groups, client=True)


def _names(desc: ClusterDesc, node: Node) -> tuple[str, ...]:
    return (node.name, f"{node.name}.{desc.cluster.domain}")


def _addresses(node: Node) -> tuple[IPv4Address, ...]:
    return () if node.ip is None else (node.ip,)


def _etcd(desc: ClusterDesc, node: Node) -> Iterator[KeySpec]:
    names = (*_names(desc, node), "localhost")
    addresses = (*_addresses(node), IPv4Address("127.0.0.1"))
    # etcd's own gateway is a client of its server, so that certificate is both.
    subject = Subject(node.name, server=True, client=True, names=names, addresses=addresses)
    yield KeySpec("etcd-server", Authority.ETCD, subject)
    yield KeySpec("etcd-peer", Authority.ETCD, subject)
    yield KeySpec("etcd-client", Authority.ETCD, _client(f"kboot-etcd-{node.name}"))


def _kubelet(desc: ClusterDesc, node: Node) -> Iterator[KeySpec]:
    user, group = f"system:node:{node.name}", "system:nodes"
    server = Subject(user, (group,), server=True, names=_names(desc, node), addresses=_addresses(node))
    yield KeySpec("kubelet-client", Authority.KUBERNETES, _client(user, group))
    yield KeySpec("kubelet-server", Authority.KUBERNETES, server)


def _control_plane(desc: ClusterDesc, node: Node, kubernetes: Kubernetes) -> Iterator[KeySpec]:
    own = Authority.KUBERNETES
    yield KeySpec("apiserver", own, _api_server(desc, node, kubernetes))
    yield KeySpec("apiserver-kubelet-client", own, _client("kube-apiserver-kubelet-client"))
    yield KeySpec("apiserver-etcd-client", Authority.ETCD, _client(f"kube-apiserver-{node.name}"))
    yield KeySpec("front-proxy-client", Authority.FRONT_PROXY, _client("front-proxy-client"))
    yield KeySpec("controller-manager", own, _client("system:kube-controller-manager"))
    yield KeySpec("scheduler", own, _client("system:kube-scheduler"))
    # Makes the first bindings, which no other group may; it stays on the control plane, where the CA's key is too.
    yield KeySpec("addons", own, _client(f"kboot-addons-{node.name}", SUPER_GROUP))


def _api_server(desc: ClusterDesc, node: Node, kubernetes: Kubernetes) -> Subject:
    """Return the API server's subject, with every name and address under which it is asked."""
    endpoint, declared = desc.api_endpoint[0], kubernetes.api_server
    service = "kubernetes.default.svc"
    names = [*_names(desc, node), "kubernetes", "kubernetes.default", service, f"{service}.{kubernetes.dns_domain}"]
    addresses = [*_addresses(node), kubernetes.service_cidr.network_address + 1, IPv4Address("127.0.0.1")]
    try:
        addresses.append(IPv4Address(endpoint))
    except ValueError:
        names.append(endpoint)
    return Subject(
        "kube-apiserver",
        server=True,
        names=tuple(dict.fromkeys([*names, "localhost", *declared.names])),
        addresses=tuple(dict.fromkeys([*addresses, *declared.addresses])),
    )
