"""What each role adds to a node config; one file a role, everything about it inside."""

from .addons import addons
from .container_runtime import container_runtime
from .control_plane import control_plane
from .etcd import etcd
from .kubelet import joining_kubelet, kubelet
from .pod_network import pod_network
from .tls_bootstrap import tls_bootstrap

__all__ = [
    "addons",
    "container_runtime",
    "control_plane",
    "etcd",
    "joining_kubelet",
    "kubelet",
    "pod_network",
    "tls_bootstrap",
]
