"""containerd on every machine that runs containers: where its images come from, how the kubelet talks to it."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.node_images import image
from kboot_compose.templates import shared

from ..config import DropIn, File, NodeConfig, Unit
from ..patience import patience_of

_FOLDER = "nodes/container_runtime"
_UNIT = "containerd.service"


def container_runtime(desc: ClusterDesc, node: Node) -> NodeConfig:
    """Return the files and the unit of containerd."""
    values = {
        "registry": f"{desc.network.bootstrapper}:{desc.registry.port}",
        "pause": image(desc, "pause"),
        "patience": patience_of(desc),
    }
    files = (
        File("/etc/containerd/kboot.toml", shared(f"{_FOLDER}/containerd.toml.j2", **values), read_by=_UNIT),
        File(
            "/etc/containerd/certs.d/_default/hosts.toml",
            shared(f"{_FOLDER}/hosts.toml.j2", **values),
            read_by=None,  # each pull does
        ),
    )
    drop_in = DropIn("20-kboot.conf", shared(f"{_FOLDER}/20-kboot.conf.j2").decode())
    return NodeConfig(node.name, files=files, units=(Unit(_UNIT, drop_ins=(drop_in,)),))
