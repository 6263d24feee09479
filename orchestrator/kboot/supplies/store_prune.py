"""What of the bundles that were loaded nobody needs any more: worked out without touching a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc

from .assets import CNI_PLUGINS, needed_assets
from .bundle_manifest import Item, Kind, Manifest

Need = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class StorePlan:
    """The bundles that go and those that stay, the contents that go by their hex digests, and what they come to."""

    bundles: tuple[str, ...]
    kept: tuple[str, ...]
    contents: tuple[str, ...]
    freed_bytes: int


def need_of(desc: ClusterDesc, images: Collection[str], release: str | None) -> Need:
    """Return what tells of an item whether a description's cluster takes it: one of `images`, of the OS `release`.

    What the engine and this machine were given from a bundle, they have: service images, packages, kboot itself.
    """
    binaries = {*needed_assets(desc), *(f"cni/{name}" for name in CNI_PLUGINS if desc.kubernetes)}
    releases = f"{desc.os.family}/{desc.os.channel}/{desc.os.board}/{release}/"

    def needs(item: Item) -> bool:
        fits = item.arch in (desc.os.arch, "any")
        match item.kind:
            case Kind.NODE_IMAGE:
                return fits and item.name in images
            case Kind.BINARY:
                return fits and item.path in binaries
            case Kind.OS_FILE:
                return item.path.startswith(releases)
        return False

    return needs


def plan_store_prune(
    bundles: Sequence[tuple[str, Manifest]],
    needs: Mapping[str, Need],
    sizes: Mapping[str, int],
    given_up: Collection[str] = (),
) -> StorePlan:
    """Return which bundles go, of those loaded, the oldest first; `needs` are those of the clusters by their names.

    A bundle stays if it is the newest one that was made for some cluster, which need not have begun, or holds what a
    cluster needs and no newer one brings. With it stays all that it holds, so that a bundle since it can be loaded. One
    that is `given_up` stays only for what a cluster needs.
    """
    kept: dict[str, Manifest] = {}
    clusters: set[str] = set()
    had: set[tuple[str, tuple[int, str, str, str, str]]] = set()
    for name, manifest in reversed(bundles):
        served = {(cluster, item.order) for cluster, need in needs.items() for item in manifest.items if need(item)}
        made_for = {*(manifest.created_for or ("",))}
        is_newest = name not in given_up and not made_for <= clusters
        if is_newest or served - had:
            kept[name] = manifest
            clusters |= made_for
            had |= served
    named = {digest.removeprefix("sha256:") for manifest in kept.values() for digest in manifest.needed}
    contents = tuple(sorted(sizes.keys() - named))
    gone = tuple(name for name, _ in bundles if name not in kept)
    return StorePlan(gone, tuple(kept), contents, sum(sizes[content] for content in contents))
