"""What the clusters of some descriptions need, each thing once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.node_images import node_images

from ...errors import BadInput
from ...supplies.assets import needed_assets
from ...supplies.named_images import pod_images


@dataclass(frozen=True, slots=True)
class Needs:
    """What some clusters need; images and binaries with the architecture of the machines that they are for."""

    clusters: tuple[str, ...]
    archs: tuple[str, ...]
    images: tuple[tuple[str, str], ...]  # reference, architecture
    binaries: tuple[tuple[str, str], ...]  # path below the assets' folder, architecture
    descriptions: tuple[ClusterDesc, ...]


def needs(
    descs: Sequence[ClusterDesc],
    *,
    kubernetes: str | None = None,
    os: str | None = None,
    archs: Sequence[str] = (),
    manifests: Mapping[str, Sequence[bytes]] | None = None,
) -> Needs:
    """Return what some descriptions need, of the Kubernetes, OS release and architectures where these are named.

    `manifests` is the name of a cluster to the operator's own ones, whose pods' images are needed too.
    """
    chosen = [
        _for_arch(_with_os(_with_kubernetes(desc, kubernetes), os), arch)
        for desc in descs
        for arch in (archs or (desc.os.arch,))
    ]
    own = {
        name: [image for manifest in found for image in pod_images(manifest)]
        for name, found in (manifests or {}).items()
    }
    images = {
        (reference, desc.os.arch)
        for desc in chosen
        for reference in (*node_images(desc).values(), *own.get(desc.cluster.name, ()))
    }
    binaries = {(path, desc.os.arch) for desc in chosen for path in needed_assets(desc)}
    return Needs(
        clusters=tuple(sorted({desc.cluster.name for desc in descs})),
        archs=tuple(sorted({desc.os.arch for desc in chosen})),
        images=tuple(sorted(images)),
        binaries=tuple(sorted(binaries)),
        descriptions=tuple(chosen),
    )


def _with_kubernetes(desc: ClusterDesc, version: str | None) -> ClusterDesc:
    if version is None:
        return desc
    if desc.kubernetes is None:
        raise BadInput(f"{desc.cluster.name}: has no `kubernetes`", "leave out `--kubernetes`")
    return desc.model_copy(update={"kubernetes": desc.kubernetes.model_copy(update={"version": version})})


def _with_os(desc: ClusterDesc, version: str | None) -> ClusterDesc:
    return desc if version is None else desc.model_copy(update={"os": desc.os.model_copy(update={"version": version})})


def _for_arch(desc: ClusterDesc, arch: str) -> ClusterDesc:
    return desc.model_copy(update={"os": desc.os.model_copy(update={"arch": arch})})
