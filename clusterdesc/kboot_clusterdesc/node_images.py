"""The container images that nodes pull, and their places in the cluster's registry."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .model import ClusterDesc, Role
from .released_images import RELEASED

IMAGE_KEYS = tuple(RELEASED)
# https://github.com/distribution/reference: a name, then a tag, a digest or both
_REFERENCE = re.compile(
    r"(?=.{1,255}$)(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)

_TAGGED_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+){1,2})(?![0-9.])")


def image(desc: ClusterDesc, key: str) -> str:
    """Return the reference of the image `key`: the description's own, else the released one for its Kubernetes."""
    version = desc.kubernetes.version if desc.kubernetes else ""
    return desc.images.get(key) or RELEASED[key].format(version=version)


def node_images(desc: ClusterDesc) -> dict[str, str]:
    """Return the references of the images that the nodes of this description need, by their keys in `images`."""
    keys = ["etcd"] if any(Role.ETCD in node.roles for node in desc.nodes) else []
    if desc.kubernetes is not None:
        keys += [key for key in IMAGE_KEYS if key not in ("etcd", "flannel", "flannel_cni")]
        keys += ["flannel", "flannel_cni"] if desc.kubernetes.cni.name == "flannel" else []
    return {key: image(desc, key) for key in keys}


def is_reference(text: str) -> bool:
    """Whether `text` is an image reference: a name, optionally with a host before it and a tag or digest behind."""
    return _REFERENCE.fullmatch(text) is not None


def tagged_version(reference: str) -> str | None:
    """Return the version in an image's tag: `registry.k8s.io/etcd:3.6.8-0` -> `3.6.8`; None if there is none."""
    tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = _TAGGED_VERSION.match(tag)
    return found[1] if found else None


def repository_and_tag(reference: str) -> tuple[str, str]:
    """Return where the cluster's registry keeps an image: its name without the host, and its tag or digest.

    `registry.k8s.io/coredns/coredns:v1` -> (`coredns/coredns`, `v1`); `busybox` -> (`library/busybox`, `latest`).
    """
    _, path, name = _parts(reference)
    return path, name


def full_name(reference: str) -> str:
    """Return the name that an image has however it is spelt: `nginx:1.27` -> `docker.io/library/nginx:1.27`."""
    host, path, name = _parts(reference)
    return f"{host}/{path}{'@' if name.startswith('sha256:') else ':'}{name}"


def in_place_of(reference: str, others: Iterable[str]) -> str | None:
    """Return that of `others` which is another image and has the place of `reference` in the cluster's registry.

    Of one digest there is one image, whichever host it is of.
    """
    place, name = repository_and_tag(reference), full_name(reference)
    if "@" in name:
        return None
    return next((each for each in others if repository_and_tag(each) == place and full_name(each) != name), None)


def _parts(reference: str) -> tuple[str, str, str]:
    """Return host, path, and tag or digest."""
    name, at, digest = reference.partition("@")
    first, slash, rest = name.partition("/")
    has_host = slash and ("." in first or ":" in first or first == "localhost")
    path = rest if has_host else name
    host = first if has_host else "docker.io"
    path, colon, tag = path.partition(":")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return host, path, digest if at else tag if colon else "latest"
