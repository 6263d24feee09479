"""Which keys a machine has, and what stands in their certificates. Pure: no key is made here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, Node, Role

SUPER_GROUP = "system:masters"


class Authority(StrEnum):
    """Whose root a certificate hangs from."""

    ETCD = "etcd-ca"
    KUBERNETES = "kubernetes-ca"
    FRONT_PROXY = "front-proxy-ca"


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One certificate of a machine: who it says it is, and what it is good for (facts: kubeadm's certlist)."""

    name: str
    authority: Authority
    common_name: str
    group: str | None = None
    server: bool = False
    client: bool = False
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()


def key_specs(desc: ClusterDesc, node: Node) -> list[KeySpec]:
    """The keys that the roles of `node` need, no more."""
    specs: list[KeySpec] = []
    if Role.ETCD in node.roles:
        specs += _etcd(desc, node)
    if desc.kubernetes is not None:
        specs += _kubelet(desc, node)
        if Role.CONTROL_PLANE in node.roles:
            specs += _control_plane(desc, node)
    return specs


def status_client() -> KeySpec:
    """The cloud-config server's own, which may read nodes and nothing else."""
    return KeySpec("status-client", Authority.KUBERNETES, "kboot-status", client=True)


def _names(desc: ClusterDesc, node: Node) -> tuple[str, ...]:
    return (node.name, f"{node.name}.{desc.cluster.domain}")


def _addresses(node: Node) -> tuple[IPv4Address, ...]:
    return () if node.ip is None else (node.ip,)


def _etcd(desc: ClusterDesc, node: Node) -> Iterator[KeySpec]:
    names = (*_names(desc, node), "localhost")
    addresses = (*_addresses(node), IPv4Address("127.0.0.1"))
    # etcd's own gateway is a client of its server, so that certificate is both.
    yield KeySpec("etcd-server", Authority.ETCD, node.name, None, True, True, names, addresses)
    yield KeySpec("etcd-peer", Authority.ETCD, node.name, None, True, True, names, addresses)
    yield KeySpec("etcd-client", Authority.ETCD, f"kboot-etcd-{node.name}", client=True)


def _kubelet(desc: ClusterDesc, node: Node) -> Iterator[KeySpec]:
    user, names, addresses = f"system:node:{node.name}", _names(desc, node), _addresses(node)
    yield KeySpec("kubelet-client", Authority.KUBERNETES, user, "system:nodes", client=True)
    yield KeySpec(
        "kubelet-server", Authority.KUBERNETES, user, "system:nodes", server=True, names=names, addresses=addresses
    )


def _control_plane(desc: ClusterDesc, node: Node) -> Iterator[KeySpec]:
    kubernetes = desc.kubernetes
    assert kubernetes is not None  # noqa: S101 - the caller looked
    service = "kubernetes.default.svc"
    names = (
        *_names(desc, node),
        *("kubernetes", "kubernetes.default", service, f"{service}.{kubernetes.dns_domain}", "localhost"),
        desc.api_endpoint[0],
        *kubernetes.api_server.names,
    )
    addresses = (
        *_addresses(node),
        kubernetes.service_cidr.network_address + 1,
        IPv4Address("127.0.0.1"),
        *kubernetes.api_server.addresses,
    )
    endpoint, own = desc.api_endpoint[0], Authority.KUBERNETES
    if endpoint.replace(".", "").isdigit():
        names = tuple(name for name in names if name != endpoint)
        addresses = (*addresses, IPv4Address(endpoint))
    yield KeySpec(
        "apiserver",
        own,
        "kube-apiserver",
        server=True,
        names=tuple(dict.fromkeys(names)),
        addresses=tuple(dict.fromkeys(addresses)),
    )
    yield KeySpec("apiserver-kubelet-client", own, "kube-apiserver-kubelet-client", client=True)
    yield KeySpec("apiserver-etcd-client", Authority.ETCD, f"kube-apiserver-{node.name}", client=True)
    yield KeySpec("front-proxy-client", Authority.FRONT_PROXY, "front-proxy-client", client=True)
    yield KeySpec("controller-manager", own, "system:kube-controller-manager", client=True)
    yield KeySpec("scheduler", own, "system:kube-scheduler", client=True)
    # Makes the first bindings, which no other group may; it stays on the control plane, where the CA's key is too.
    yield KeySpec("addons", own, f"kboot-addons-{node.name}", SUPER_GROUP, client=True)
