"""The binaries that nodes fetch: kubelet, kubectl, CNI plugins; of a folder, or from where they are released."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc import ClusterFolder

from ...errors import BadInput
from ...supplies.asset_releases import pull_assets
from ...supplies.assets import SUMS, add_assets, asset_files
from ...supplies.bundle_manifest import Blob, Item, Kind
from ...supplies.release_urls import CNI_URL, CNI_VERSION, KUBERNETES_URL
from .collected import Collected
from .needs import Needs
from .source_url import without_login

_LICENCE = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class BinarySources:
    """Folders or files that have binaries, before the servers where they are released."""

    given: Sequence[Path] = ()
    kubernetes_url: str = KUBERNETES_URL
    cni_url: str = CNI_URL


def collect_binaries(
    needs: Needs, sources: BinarySources, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    """Return the binaries that are needed, each checked as `kboot assets` does; raise BadInput where one is missing."""
    items: dict[tuple[str, str], Item] = {}
    for version, arch in sorted({(path.split("/")[1], arch) for path, arch in needs.binaries if "/v" in path}):
        found = _given if sources.given else _released
        items |= {(item.path, item.arch): item for item in found(version, arch, sources, collected, progress)}
    lacking = sorted(set(needs.binaries) - items.keys())
    if lacking:
        raise BadInput(f"{lacking[0][0]} for {lacking[0][1]}: is not among what `--assets` names", "name it too")
    return list(items.values())


def _given(
    version: str, arch: str, sources: BinarySources, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    with collected.scratch() as scratch:
        folder = ClusterFolder(scratch, "given")
        folder.assets.mkdir(parents=True)
        added = add_assets(folder, asset_files(sources.given), version, arch=arch)
        paths = [asset.path for asset in added]
        return [_item(path, arch, version, "given", collected.take(folder.assets / path)) for path in paths]


def _released(
    version: str, arch: str, sources: BinarySources, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    key = f"binaries {version} {arch} {CNI_VERSION} {sources.kubernetes_url} {sources.cni_url}"
    known = collected.remembered(key)
    if known is not None:
        return known
    folder = ClusterFolder(collected.folder, f"binaries-{version}-{CNI_VERSION}-{arch}")
    folder.assets.mkdir(parents=True, exist_ok=True)
    pull_assets(
        folder,
        version,
        arch,
        progress,
        kubernetes_url=sources.kubernetes_url,
        cni_url=sources.cni_url,
        one_by_one=True,
    )
    found: list[Item] = []
    for path in sorted(path for path in folder.assets.rglob("*") if path.name != SUMS and path.is_file()):
        name = str(path.relative_to(folder.assets))
        url = f"{sources.kubernetes_url}/{version}" if name.startswith("kubernetes/") else sources.cni_url
        source = without_login(url)
        found.append(_item(name, arch, version, source, collected.take(path)))
    shutil.rmtree(folder.path)
    return collected.remember(key, found)


def _item(path: str, arch: str, kubernetes: str, source: str, blob: Blob) -> Item:
    is_kubernetes = path.startswith("kubernetes/")
    version = kubernetes if is_kubernetes else "" if source == "given" else CNI_VERSION
    return Item(
        kind=Kind.BINARY,
        name=path.rpartition("/")[2],
        version=version,
        arch="arm64" if arch == "arm64" else "amd64",
        digest=blob.digest,
        size=blob.size,
        source=source,
        licence=_LICENCE,
        path=path,
    )
