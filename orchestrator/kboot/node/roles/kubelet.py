"""The kubelet of a node: its binaries, its keys or its token, its labels and taints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc, Node, Role, joined
from kboot_clusterdesc.model import Kubernetes
from kboot_clusterdesc.node_labels import kubelet_may_set
from kboot_compose.templates import shared

from ...pki import KeyPair
from ...pki.kubeconfig import kubeconfig_by_file, kubeconfig_by_token
from ..config import File, NodeConfig, Unit
from ..patience import patience_of
from .api_server import api_server_url, unit_environment

HOME = "/etc/kubernetes/kubelet"
_CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
_FOLDER = "nodes/kubelet"
_UNIT, _ASSETS_UNIT = "kubelet.service", "kboot-assets.service"
_MODULES_UNIT = "systemd-modules-load.service"


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint in the fields of the Kubernetes API."""

    key: str
    value: str
    effect: str


def taints(node: Node) -> list[Taint]:
    """Return the declared taints, and those that keep users' pods off a control plane or etcd member."""
    found = [_taint(text) for text in node.taints]
    if Role.WORKER not in node.roles:
        role = Role.CONTROL_PLANE if Role.CONTROL_PLANE in node.roles else Role.ETCD
        own = Taint(f"node-role.kubernetes.io/{role.value}", "", "NoSchedule")
        # Kubernetes takes no node that has a key and an effect twice.
        found += [] if (own.key, own.effect) in {(each.key, each.effect) for each in found} else [own]
    return found


def kubelet(
    desc: ClusterDesc, node: Node, kubernetes: Kubernetes, authority: bytes, keys: Mapping[str, KeyPair]
) -> NodeConfig:
    """Return the files and units of the kubelet on a declared node, which is given its keys."""
    client, server = keys["kubelet-client"], keys["kubelet-server"]
    config = kubeconfig_by_file(api_server_url(desc, node), f"{HOME}/ca.pem", _CURRENT, _CURRENT)
    credentials = (
        File(f"{HOME}/client.pem", client.certificate + client.key, 0o600, read_by=_UNIT),
        File(f"{HOME}/server.pem", server.certificate, read_by=_UNIT),
        File(f"{HOME}/server.key", server.key, 0o600, read_by=_UNIT),
        File(f"{HOME}/kubeconfig", config, 0o600, read_by=_UNIT),
    )
    return _kubelet(desc, node, kubernetes, authority, credentials, joins=False)


def joining_kubelet(desc: ClusterDesc, node: Node, kubernetes: Kubernetes, authority: bytes) -> NodeConfig:
    """Return the files and units of the kubelet on an undeclared machine, which asks for certificates with a token."""
    config = kubeconfig_by_token(api_server_url(desc, node), f"{HOME}/ca.pem", f"{HOME}/join-token")
    credentials = (
        File(f"{HOME}/join-token", joined.JOIN_TOKEN_MARK.encode(), 0o600, read_by=_UNIT),
        File(f"{HOME}/bootstrap-kubeconfig", config, 0o600, read_by=_UNIT),
    )
    return _kubelet(desc, node, kubernetes, authority, credentials, joins=True)


def _kubelet(
    desc: ClusterDesc,
    node: Node,
    kubernetes: Kubernetes,
    authority: bytes,
    credentials: tuple[File, ...],
    *,
    joins: bool,
) -> NodeConfig:
    values: dict[str, object] = {
        "cluster": desc.cluster.name,
        "bootstrapper": desc.network.bootstrapper,
        "version": kubernetes.version,
        "name": node.name,
        "node_ip": node.ip,
        "labels": tuple(sorted((key, value) for key, value in node.labels.items() if kubelet_may_set(key))),
        "taints": tuple(taints(node)),
        "dns_address": str(kubernetes.dns_address),
        "dns_domain": kubernetes.dns_domain,
        "plugins": kubernetes.cni.name != "none",
        "vxlan": kubernetes.cni.name == "flannel" and kubernetes.cni.backend == "vxlan",
        "reserved": kubernetes.reserved,
        "is_member": Role.ETCD in node.roles,
        "patience": patience_of(desc),
        "joins": joins,
        "readyz": None if Role.CONTROL_PLANE in node.roles else f"{api_server_url(desc, node)}/readyz",
        "environment": unit_environment(desc, node),
    }
    files = (
        File(f"{HOME}/ca.pem", authority, read_by=_UNIT),
        *credentials,
        *(
            File(path, shared(f"{_FOLDER}/{template}", **values), mode, read_by=reader)
            for path, template, mode, reader in (
                (f"{HOME}/config.yaml", "config.yaml.j2", 0o644, _UNIT),
                ("/etc/sysctl.d/90-kubernetes.conf", "90-kubernetes.conf.j2", 0o644, _UNIT),
                ("/etc/modules-load.d/kubernetes.conf", "kubernetes-modules.conf.j2", 0o644, _MODULES_UNIT),
                ("/etc/tmpfiles.d/kubernetes.conf", "kubernetes-tmpfiles.conf.j2", 0o644, None),
                ("/opt/bin/kboot-assets", "kboot-assets.j2", 0o755, _ASSETS_UNIT),
                ("/opt/bin/kboot-kubelet-prepare", "kboot-kubelet-prepare.j2", 0o755, _UNIT),
            )
        ),
    )
    names = (_ASSETS_UNIT, _UNIT)
    units = tuple(Unit(name, shared(f"{_FOLDER}/{name}.j2", **values).decode()) for name in names)
    return NodeConfig(node.name, files=files, units=units)


def _taint(text: str) -> Taint:
    rest, _, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    return Taint(key, value, effect)
