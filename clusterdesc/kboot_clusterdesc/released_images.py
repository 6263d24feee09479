"""The released references of the container images that nodes pull, by their keys in `images`."""

from __future__ import annotations

# Sources: kubeadm's constants of 1.36 (cmd/kubeadm/app/constants), flannel's own manifest.
RELEASED = {
    "etcd": "registry.k8s.io/etcd:3.6.8-0",
    "pause": "registry.k8s.io/pause:3.10.2",
    "kube_apiserver": "registry.k8s.io/kube-apiserver:{version}",
    "kube_controller_manager": "registry.k8s.io/kube-controller-manager:{version}",
    "kube_scheduler": "registry.k8s.io/kube-scheduler:{version}",
    "kube_proxy": "registry.k8s.io/kube-proxy:{version}",
    "coredns": "registry.k8s.io/coredns/coredns:v1.14.2",
    "flannel": "ghcr.io/flannel-io/flannel:v0.28.9",
    "flannel_cni": "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3",
}
