"""`cni.name: routes`: pods on a bridge, and a route to each other node, for machines on one flat network."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.model import Kubernetes
from kboot_compose.templates import shared

from ...pki import KeyPair
from ...pki.kubeconfig import kubeconfig
from ..config import File, NodeConfig, Unit
from .api_server import api_server_url, unit_environment
from .kubelet import HOME as KUBELET_HOME

HOME = "/etc/kubernetes/pod-network"
_FOLDER = "nodes/pod_network"
_UNIT = "kboot-routes.service"


def pod_network(
    desc: ClusterDesc, node: Node, kubernetes: Kubernetes, authority: bytes, client: KeyPair | None
) -> NodeConfig:
    """Return the files and the unit that keep the routes of `node`; without a key of its own it asks as the kubelet."""
    home = HOME if client is not None else KUBELET_HOME
    values: dict[str, object] = {
        "home": HOME,
        "kubeconfig": f"{home}/kubeconfig",
        "name": node.name,
        "pod_cidr": kubernetes.pod_cidr,
        "version": kubernetes.version,
        "readyz": f"{api_server_url(desc, node)}/readyz",
        "environment": unit_environment(desc, node),
    }
    files = (
        *_credentials(desc, node, authority, client),
        File(f"{HOME}/conflist", shared(f"{_FOLDER}/conflist.j2"), read_by=_UNIT),
        File("/opt/bin/kboot-routes", shared(f"{_FOLDER}/kboot-routes.j2", **values), 0o755, read_by=_UNIT),
    )
    unit = Unit(_UNIT, shared(f"{_FOLDER}/{_UNIT}.j2", **values).decode())
    return NodeConfig(node.name, files=files, units=(unit,))


def _credentials(desc: ClusterDesc, node: Node, authority: bytes, client: KeyPair | None) -> Iterator[File]:
    if client is not None:
        config = kubeconfig(api_server_url(desc, node), authority, client, "routes", desc.cluster.name)
        yield File(f"{HOME}/kubeconfig", config, 0o600, read_by=_UNIT)
