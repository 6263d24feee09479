"""Lets undeclared machines join: a control plane makes their tokens good, and checks what they ask to be."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node, joined
from kboot_clusterdesc.model import Kubernetes
from kboot_compose.templates import rendered

from ..config import File, NodeConfig, Unit
from .addons import HOME as ADDONS_HOME

HOME = "/etc/kubernetes/tls-bootstrap"
_FOLDER = "nodes/tls_bootstrap"


def tls_bootstrap(desc: ClusterDesc, node: Node, kubernetes: Kubernetes, seed: str) -> NodeConfig:
    """Return the script and its timer on a control plane; the cloud-config server makes tokens from the same `seed`."""
    values: dict[str, object] = {
        "home": HOME,
        "kubeconfig": f"{ADDONS_HOME}/kubeconfig",
        "version": kubernetes.version,
        "token_life_s": int(joined.TOKEN_LIFE.total_seconds()),
        "bootstrapper": desc.network.bootstrapper,
    }
    files = (
        # None: its timer starts the script every time anew.
        File(f"{HOME}/seed", f"{seed}\n".encode(), 0o600, read_by=None),
        File(f"{HOME}/requests", rendered(f"{_FOLDER}/requests.j2"), read_by=None),
        File(
            "/opt/bin/kboot-tls-bootstrap",
            rendered(f"{_FOLDER}/kboot-tls-bootstrap.j2", **values),
            0o755,
            read_by=None,
        ),
    )
    units = tuple(
        Unit(name, rendered(f"{_FOLDER}/{name}.j2", **values).decode(), enabled)
        for name, enabled in (("kboot-tls-bootstrap.service", False), ("kboot-tls-bootstrap.timer", True))
    )
    return NodeConfig(node.name, files=files, units=units)
