"""What each role adds to a node config; one file a role, everything about it inside."""

from .addons import addons
from .container_runtime import container_runtime
from .control_plane import control_plane
from .etcd import etcd
from .kubelet import kubelet
from .pod_network import pod_network

__all__ = ["addons", "container_runtime", "control_plane", "etcd", "kubelet", "pod_network"]
