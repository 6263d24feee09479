"""What a cluster needs beside its control plane: access, kube-proxy, pod network, CoreDNS, the operator's own."""

from __future__ import annotations

from collections.abc import Mapping

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.model import Kubernetes, RebootStrategy
from kboot_clusterdesc.node_images import node_images
from kboot_compose.templates import rendered

from ...pki import KeyPair
from ...pki.kubeconfig import kubeconfig
from ..config import File, NodeConfig, Unit
from ..patience import patience_of
from .api_server import LOCAL, client_environment
from .kubelet import Taint, taints

HOME = "/etc/kubernetes/addons"
_FOLDER = "nodes/addons"
_UNIT = "kboot-addons.service"
_CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule")


def addons(
    desc: ClusterDesc,
    node: Node,
    kubernetes: Kubernetes,
    authority: bytes,
    client: KeyPair,
    own: Mapping[str, bytes],
) -> NodeConfig:
    """Return the manifests and what applies them on a control plane; `own` are the operator's, file name -> content."""
    host, port = desc.api_endpoint
    workers = [each for each in desc.nodes if Role.WORKER in each.roles and _takes_coredns(each)]
    values: dict[str, object] = {
        "home": HOME,
        "version": kubernetes.version,
        "readyz": f"{LOCAL}/readyz",
        "bootstrapper": desc.network.bootstrapper,
        "images": node_images(desc),
        "server": f"https://{host}:{port}",
        "endpoint_host": host,
        "endpoint_port": port,
        "environment": client_environment(desc),
        "pod_cidr": kubernetes.pod_cidr,
        "dns_domain": kubernetes.dns_domain,
        "dns_address": kubernetes.dns_address,
        "backend": kubernetes.cni.backend,
        "interface": kubernetes.cni.interface,
        "patience": patience_of(desc),
        "own": bool(own),
        "workers": bool(workers),
        "homes": len(workers or [each for each in desc.control_planes if _takes_coredns(each, _CONTROL_PLANE)]),
        "routes": kubernetes.cni.name == "routes",
        "rollouts": desc.os.update.enabled and desc.os.update.reboot_strategy is RebootStrategy.ROLLOUT,
    }
    manifests = ["10-access.yaml", "20-kube-proxy.yaml", "40-coredns.yaml"]
    if kubernetes.cni.name == "flannel":
        manifests.append("30-flannel.yaml")
    if desc.lets_machines_join:
        manifests.append("15-tls-bootstrap.yaml")
    config = kubeconfig(LOCAL, authority, client, "addons", desc.cluster.name)
    files = [
        File(f"{HOME}/kubeconfig", config, 0o600, read_by=_UNIT),
        *(
            File(f"{HOME}/manifests/{name}", rendered(f"{_FOLDER}/{name}.j2", **values), read_by=_UNIT)
            for name in sorted(manifests)
        ),
        *(File(f"{HOME}/own/{name}", content, 0o600, read_by=_UNIT) for name, content in sorted(own.items())),
        File("/opt/bin/kboot-addons", rendered(f"{_FOLDER}/kboot-addons.j2", **values), 0o755, read_by=_UNIT),
        File(
            "/opt/bin/kboot-node-labels",
            rendered(f"{_FOLDER}/kboot-node-labels.j2", **values),
            0o755,
            read_by=None,
        ),
    ]
    units = [
        Unit(name, rendered(f"{_FOLDER}/{name}.j2", **values).decode(), enabled)
        for name, enabled in (
            (_UNIT, True),
            ("kboot-node-labels.service", False),
            ("kboot-node-labels.timer", True),
        )
    ]
    return NodeConfig(node.name, files=tuple(files), units=tuple(units))


def _takes_coredns(node: Node, *tolerated: Taint) -> bool:
    """Return whether every taint of `node` that would keep CoreDNS away is one of `tolerated`."""
    barring = [each for each in taints(node) if each.effect != "PreferNoSchedule" and each.key != "CriticalAddonsOnly"]
    return all(each in tolerated for each in barring)
