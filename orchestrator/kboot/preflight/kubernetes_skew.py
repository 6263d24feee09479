"""Refuses changes that the cluster in force cannot take: Kubernetes' version here, etcd's and its members by etcd/.

Source: kubernetes.io, Version Skew Policy: API servers at most one minor apart, kubelets never newer than those.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, InvalidDescription, Problem
from kboot_clusterdesc.source import place_of, read_tree

from ..etcd.skew import verdict_of_edit
from ..etcd.succession import reason_against_members
from ..running.chosen import description_at

_KEY = ("kubernetes", "version")
_ETCD_KEY = ("images", "etcd")
_KUBELET_MAY_LAG = 3  # minors


def refuse_skew(folder: ClusterFolder, desc: ClusterDesc, path: Path) -> str | None:
    """Raise InvalidDescription, placed in `path`, when the cluster in force cannot come to what `desc` has.

    That are versions, and members of etcd of which none is left.

    Otherwise return a remark if nobody could check etcd's version, else None.
    """
    before = in_force(folder)
    if before is None:
        return None
    found: list[tuple[tuple[str, ...], tuple[str, str]]] = []
    if before.kubernetes is not None and desc.kubernetes is not None:
        reason = reason_against(before.kubernetes.version, desc.kubernetes.version)
        found += [(_KEY, reason)] if reason is not None else []
    verdict = verdict_of_edit(folder, before, desc)
    found += [(_ETCD_KEY, verdict.reason)] if verdict.reason is not None else []
    reason = reason_against_members(folder, before, desc)
    found += [(("nodes",), reason)] if reason is not None else []
    if found:
        tree, _ = read_tree(path.read_bytes(), str(path))
        raise InvalidDescription(Problem(place_of(tree, key), ".".join(key), *reason) for key, reason in found)
    return verdict.remark


def in_force(folder: ClusterFolder) -> ClusterDesc | None:
    """Return the description in force; None where there is none yet, or a broken one that `up` is about to mend."""
    try:
        return description_at(folder.description)
    except InvalidDescription:
        return None


def reason_against(before: str, after: str) -> tuple[str, str] | None:
    """Return why a cluster cannot go from version `before` to `after`, and the way out; None where it can."""
    old, new = _minor(before), _minor(after)
    if new < old:
        return (
            f"{before} is in force, and {after} is older: what the API server has stored would not be read",
            f"write `version: {before}` or a newer one; an older cluster is a new one, restored from a snapshot",
        )
    if new > old + 1:
        return (
            f"{before} is in force, and {after} leaves out {', '.join(f'v1.{i}' for i in range(old + 1, new))}",
            f"go up one minor at a time: take a version of v1.{old + 1} first",
        )
    return None


def reason_against_running(
    wanted: str, api_servers: Mapping[str, str], kubelets: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return why what runs (node -> version) cannot come to `wanted`, and the way out; None where it can."""
    for name, version in api_servers.items():
        if reason := reason_against(version, wanted):
            return f"the API server of {name}: {reason[0]}", reason[1]
    for name, version in kubelets.items():
        lag = _minor(wanted) - _minor(version)
        if lag < 0:
            return (
                f"the kubelet of {name} is {version}, newer than {wanted}: an API server must not be older",
                f"write `version: {version}` or a newer one, or install {name} again",
            )
        if lag > _KUBELET_MAY_LAG:
            return (
                f"the kubelet of {name} is {version}, more than {_KUBELET_MAY_LAG} minors older than {wanted}",
                f"`kboot node reinstall {name}` while the API servers are what they are",
            )
    return None


def _minor(version: str) -> int:
    return int(version.split(".")[1])
