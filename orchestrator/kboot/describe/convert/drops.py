"""Why keys of old descriptions are not carried over. Their values are never shown: some are secrets."""

from __future__ import annotations

import re

_CENTOS = "CentOS is not installed by kboot"
_GPU = "drivers are the machine's own matter: use `os.extra` and labels"
_CEPH = "Ceph is not set up by kboot: use `os.extra`"
_ADDON = "addons are yours: name them in `kubernetes.manifests`"
_OLD_IMAGE = "defaults follow `kubernetes.version`; the old image is of its time"

_WHY = {
    "broadcast": "follows from the subnet",
    "centos_version": _CENTOS,
    "mirror_site": _CENTOS,
    "download_kernel": _CENTOS,
    "download_centos": _CENTOS,
    "set_yum_repo": _CENTOS,
    "docker_engine_version": _CENTOS,
    "set_gpu": _GPU,
    "gpu_drivers_version": _GPU,
    "coreos_gpu_drivers_version": _GPU,
    "zap_and_start_osd": f"it wiped every disk at each install. {_CEPH}",
    "ceph_osd_journal_size": _CEPH,
    "ceph.zap_and_start_osd": f"it wiped every disk at each install. {_CEPH}",
    "ceph.osd_journal_size": _CEPH,
    "set_ntp": "the bootstrapper serves time where `network.ntp` names no server",
    "ingress_hostnetwork": _ADDON,
    "nginx_root_dir": "kboot has its own server",
    "http_proxy": "write it as `network.proxy`, the updater's way out; for machines use `os.extra`",
    "https_proxy": "write it as `network.proxy`, the updater's way out; for machines use `os.extra`",
    "hyperkube_version": "that Kubernetes cannot be kept, see `kubernetes.version`",
    "pause_version": _OLD_IMAGE,
    "flannel_version": _OLD_IMAGE,
    "images.hyperkube": "that Kubernetes cannot be kept, see `kubernetes.version`",
    "images.pause": _OLD_IMAGE,
    "images.flannel": _OLD_IMAGE,
    "images.kubedns": "CoreDNS takes its place",
    "images.kubednsmasq": "CoreDNS takes its place",
    "images.kube2sky": "CoreDNS takes its place",
    "images.skydns": "CoreDNS takes its place",
    "images.healthz": "CoreDNS takes its place",
    "images.ceph": _CEPH,
    "images.ntp": "the bootstrapper serves time where `network.ntp` names no server",
    "images.addon_manager": _ADDON,
    "nodes[].ceph_monitor": _CEPH,
}
_SECRET = re.compile(r"pass|secret|private|token|users_mail|users_smtp", re.IGNORECASE)


def reason_for(key: str) -> str:
    """Return why `key`, such as `ceph.osd_journal_size` or `nodes[].ceph_monitor`, is not carried over."""
    if _SECRET.search(key):
        return "a login of an addon; secrets do not belong into a description"
    if key in _WHY:
        return _WHY[key]
    if key.startswith("images."):
        return _ADDON
    return "kboot knows no such key"
