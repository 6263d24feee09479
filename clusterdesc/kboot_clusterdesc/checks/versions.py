"""Rules for releases: what the OS family, its release and the Kubernetes version can do together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..config_reader import why_unread
from ..model import ClusterDesc, ConfigDialect, RebootStrategy, Update
from ..node_images import image, tagged_version
from ..os_family import Family, family_of
from ..os_release import release_number
from ..problem import Problem
from ..source import Tree
from .at import problem_at

KUBERNETES_MINORS = range(33, 37)
_ETCD_WITHOUT_V2 = (3, 6)
_OF_UPDATES = ("reboot_strategy", "window", "max_parallel", "checks", "payload_url", "extensions")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def check_os(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each value below `os` that the OS family or its release does not support."""
    os = desc.os
    ignition = os.config is ConfigDialect.IGNITION
    if ignition and os.family is Family.COREOS:
        yield problem_at(
            tree,
            ("os", "config"),
            "kboot writes Ignition v3, and the coreos family reads v2 at most",
            "write `config: cloud-config`",
            given=("os.family",),
        )
    elif reason := why_unread(os, os.version):
        yield problem_at(
            tree,
            ("os", "version"),
            reason,
            "write `config: cloud-config`, or take a newer release",
            given=("os.config", "os.family"),
        )
    yield from _check_lock(desc, tree)
    yield from _check_payloads(desc, tree)
    yield from _check_url(desc.os.release_url, ("os", "release_url"), tree)
    yield from _check_url(desc.os.update.payload_url, ("os", "update", "payload_url"), tree)


def _check_lock(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where machines are to reboot by a lock in etcd that they, or etcd, do not know."""
    if desc.os.update.reboot_strategy is not RebootStrategy.ETCD_LOCK:
        return
    path, needed = ("os", "update", "reboot_strategy"), "etcd-lock needs etcd's v2 API, which"
    if desc.os.family is not Family.COREOS:
        hint = "write `reboot_strategy: rollout`, or leave it out"
        yield problem_at(tree, path, f"{needed} no {desc.os.family} release speaks", hint, given=("os.family",))
        return
    version = tagged_version(image(desc, "etcd"))
    if version is not None and release_number(version) >= _ETCD_WITHOUT_V2:
        hint = "write `reboot_strategy: rollout`, or name an image of etcd 3.5 as `images.etcd`"
        yield problem_at(tree, path, f"{needed} etcd {version} does not have any more", hint, given=("images.etcd",))


def _check_payloads(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each key that says how machines are updated, where no payload could ever be verified."""
    update = desc.os.update
    is_off = not update.enabled or update.reboot_strategy is RebootStrategy.OFF
    if is_off or update.payload_key is not None or family_of(desc.os.family).payload_key is not None:
        return
    for key in _OF_UPDATES:
        if getattr(update, key) != Update.model_fields[key].default:  # the copy in force has all defaults written out
            yield problem_at(
                tree,
                ("os", "update", key),
                f"nobody publishes update payloads of the {desc.os.family} family, so no machine would ever be updated",
                "name the key of your own payloads as `payload_key`, or leave this out",
                given=("os.family", "os.update.payload_key"),
            )


def check_kubernetes_version(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for a Kubernetes version that kboot was not made for."""
    if desc.kubernetes is None:
        return
    version = desc.kubernetes.version
    if int(version.split(".")[1]) not in KUBERNETES_MINORS:
        first, last = KUBERNETES_MINORS[0], KUBERNETES_MINORS[-1]
        yield problem_at(
            tree,
            ("kubernetes", "version"),
            f"{version} is not a version that kboot sets up",
            f"take one from v1.{first} to v1.{last}",
        )


def _check_url(url: str | None, key: tuple[str, ...], tree: Tree) -> Iterator[Problem]:
    host, slash, rest = (url or "").partition("://")[2].partition("/")
    url = host.rpartition("@")[2] + slash + rest  # braces of a password are its own
    names = _PLACEHOLDER.findall(url)
    if "{" in _PLACEHOLDER.sub("", url) or "}" in _PLACEHOLDER.sub("", url) or set(names) - {"channel", "board"}:
        yield problem_at(
            tree,
            key,
            f"`{url[:120]}` holds an unknown {{placeholder}}",
            "{channel} and {board} are known",
        )
