"""The forms of k8sp/sextant descriptions: those that convert, and why the others are refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from kboot_clusterdesc.problem import InvalidDescription, Problem
from kboot_clusterdesc.source import Mapping, Sequence, Tree


class Form(StrEnum):
    """A form of old descriptions that converts, oldest first."""

    F2 = "F2 (July to August 2016: flat keys, nodes may have an `ip`)"
    F3 = "F3 (August to September 2016: `k8s_*` and `*_version` keys)"
    F4 = "F4 (October 2016 to 2017: cluster-desc.yml with `images`, `coreos_*`)"


@dataclass(frozen=True, slots=True)
class _Refusal:
    message: str
    hint: str


_BY_HAND = "`kboot init` begins a new description; give each machine its `mac`, `name`, `ip` and `roles` there"
_F0 = _Refusal("the form F0 of July 2016 (machines by address, or by MAC with `etcd_role`) does not convert", _BY_HAND)
_F1 = _Refusal("the form F1 of July 2016 (`nodes` is a mapping by MAC) does not convert", _BY_HAND)
_F5 = _Refusal(
    "the form F5 of 2017 (variables of Ansible) does not convert: the machines stand in its inventory",
    _BY_HAND,
)
_NEW = _Refusal("this is a description of kboot already", "`kboot validate` checks it")
_SETTINGS = _Refusal(
    "these are settings for machines that have an OS already (fabric/hosts.yaml), not a cluster description",
    "convert the cluster-desc.yml beside it",
)

_F4_KEYS = frozenset(
    [
        "images",
        "flannel_backend",
        "coreos_channel",
        "coreos_version",
        "coreos",
        "ceph",
        "os_name",
        "zap_and_start_osd",
        "lease",
    ]
)
_F3_KEYS = frozenset(
    [
        "k8s_service_cluster_ip_range",
        "k8s_cluster_dns",
        "hyperkube_version",
        "pause_version",
        "flannel_version",
        "domain_name",
        "nginx_root_dir",
    ]
)


def form_of(tree: Tree) -> Form:
    """Return the form of an old description; raise InvalidDescription if it is none, or of a form that is refused."""
    refusal = _refusal(tree)
    if refusal:
        raise InvalidDescription([Problem(tree.place, "", refusal.message, refusal.hint)])
    keys = set(tree.items) if isinstance(tree, Mapping) else set()
    if keys & _F4_KEYS:
        return Form.F4
    return Form.F3 if keys & _F3_KEYS else Form.F2


def _refusal(tree: Tree) -> _Refusal | None:
    if not isinstance(tree, Mapping):
        return _not_one([])
    keys = set(tree.items)
    nodes = tree.items.get("nodes")
    if "apiVersion" in keys:
        return _NEW
    if isinstance(nodes, Mapping):
        return _F0 if _any_has(nodes, "etcd_role") else _F1
    if keys and all(_is_address(key) for key in keys):
        return _F0
    if keys & {"bootstrapper_ip", "images_hyperkube", "docker_domain", "service_cluster_ip_range"}:
        return _F5
    if keys & {"boot_strapper", "set_mac_hostname", "set_type"}:
        return _SETTINGS
    if "bootstrapper" in keys and (isinstance(nodes, Sequence) or keys & {"iplow", "netmask"}):
        return None
    return _not_one(list(tree.items))


def _not_one(keys: list[str]) -> _Refusal:
    found = f", its keys are {', '.join(f'`{key[:40]}`' for key in keys[:5])}" if keys else ""
    return _Refusal(
        f"this is no cluster description of k8sp/sextant{found}",
        "an old description has `bootstrapper`, `netmask`, `iplow` and a list `nodes`",
    )


def _any_has(nodes: Mapping, key: str) -> bool:
    return any(isinstance(node, Mapping) and key in node.items for node in nodes.items.values())


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
