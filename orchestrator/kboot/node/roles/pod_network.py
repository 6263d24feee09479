"""`cni.name: routes`: pods on a bridge, and a route to each other node, for machines on one flat network."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.model import Kubernetes

from ...pki import KeyPair
from ...pki.kubeconfig import kubeconfig
from ...render.templates import rendered
from ..config import File, NodeConfig, Unit
from .api_server import api_server_url

HOME = "/etc/kubernetes/pod-network"
_FOLDER = "nodes/pod_network"


def pod_network(
    desc: ClusterDesc, node: Node, kubernetes: Kubernetes, authority: bytes, client: KeyPair
) -> NodeConfig:
    """The files and the unit that keep the routes of `node`."""
    values: dict[str, object] = {
        "home": HOME,
        "name": node.name,
        "pod_cidr": kubernetes.pod_cidr,
        "version": kubernetes.version,
        "readyz": f"{api_server_url(desc, node)}/readyz",
    }
    config = kubeconfig(api_server_url(desc, node), authority, client, "routes", desc.cluster.name)
    files = (
        File(f"{HOME}/kubeconfig", config, 0o600),
        File(f"{HOME}/conflist", rendered(f"{_FOLDER}/conflist.j2")),
        File("/opt/bin/kboot-routes", rendered(f"{_FOLDER}/kboot-routes.j2", **values), 0o755),
    )
    unit = Unit("kboot-routes.service", rendered(f"{_FOLDER}/kboot-routes.service.j2", **values).decode())
    return NodeConfig(node.name, files=files, units=(unit,))
