"""Fills registry, assets and OS releases with what this machine has: what bundles brought, archives in `staging`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import full_name

from ..errors import BadInput, EngineError, KbootError, NotYet
from ..host.engine import Engine
from ..host.share import shown_share
from .assets import CNI_PLUGINS, add_assets, list_assets, needed_assets
from .bundle_manifest import Item, Kind
from .image_archive import read_archive
from .node_images import NodeImages
from .os_releases import place_release
from .registry import Finding, RegistryUnreachable
from .scratch import clear_scratch
from .standing import Standing
from .store import SupplyStore
from .vouching import updater_vouches

_Push = Callable[..., Finding]


def fill_supplies(engine: Engine, desc: ClusterDesc, images: Sequence[str], progress: Callable[[str], None]) -> None:
    """Push those of `images` that the registry lacks, and place the binaries that are missing, as far as they are here.

    What cannot be brought is said with the way out, and the next kind is gone on with.
    """
    clear_scratch(engine.folder)
    registry = NodeImages(engine, engine.folder, desc, wanted=images)
    for fill in (
        partial(fill_images, registry, engine.folder, desc, images),
        partial(fill_assets, engine.folder, desc),
    ):
        try:
            fill(progress)
        except KbootError as error:
            progress(str(error))


def fill_release(engine: Engine, desc: ClusterDesc, updater_image: str, progress: Callable[[str], None]) -> bool:
    """Place the OS release that is missing, as far as it is here, and return whether it was; say what went wrong."""
    try:
        return place_release(engine.folder, desc, updater_vouches(engine, desc, updater_image, progress), progress)
    except KbootError as error:
        progress(str(error))
        return False


def staged_images(folder: ClusterFolder, progress: Callable[[str], None]) -> dict[str, list[Path]]:
    """Return the full names of the images in the archives that lie in `staging/images`, each with its archives.

    Of several, that whose file name is last comes first.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted((folder.staging / "images").glob("[!.]*"), reverse=True):
        try:
            names = {full_name(name) for image in read_archive(path).images for name in image.references}
        except KbootError as error:
            progress(str(error))
            continue
        for name in names:
            found.setdefault(name, []).append(path)
    return found


def fill_images(
    registry: NodeImages,
    folder: ClusterFolder,
    desc: ClusterDesc,
    images: Sequence[str],
    progress: Callable[[str], None],
) -> None:
    """Push those of `images` that the registry lacks: archives of the operator before what bundles brought.

    Where an archive is of no use, one for other machines say, the next that names the image is tried, and what a
    bundle brought last. An image that cannot be pushed is said at the end. Raises KbootError where none can be.
    """
    store = SupplyStore(folder.root)
    lacking = [reference for reference, digest in registry.digests(images).items() if digest is None]
    staged = staged_images(folder, progress) if lacking else {}
    brought = {full_name(name): digest for name, digest in store.node_images(desc.os.arch).items()} if lacking else {}
    pushes: dict[str, _Push] = {}
    for reference in lacking:
        name = full_name(reference)
        ways: list[_Push] = [partial(registry.push_archive, path, reference) for path in staged.get(name, ())]
        if name in brought:
            ways.append(partial(registry.push_stored, store, brought[name], reference))
        if ways:
            pushes[reference] = partial(_pushed, ways)
    for failed in _failed_pushes(pushes, progress):
        progress(str(failed))


def _pushed(ways: Sequence[_Push], progress: Callable[[str], None], *, count: str) -> Finding:
    """Push an image by the first of `ways` whose source is of use; raise BadInput where none is."""
    push, *others = ways
    try:
        return push(progress, count=count)
    except BadInput as error:
        if not others:
            raise
        progress(f"{error.message}; the next source is tried")
    return _pushed(others, progress, count=count)


def _failed_pushes(pushes: Mapping[str, _Push], progress: Callable[[str], None]) -> list[KbootError]:
    failed: list[KbootError] = []
    with shown_share(progress, "images for nodes", len(pushes), "images") as ended:
        for number, push in enumerate(pushes.values(), 1):
            try:
                push(progress, count=f"{number} of {len(pushes)}")
            except (EngineError, NotYet, RegistryUnreachable):
                raise  # so would all after it
            except KbootError as error:
                failed.append(error)
            ended(1)
    return failed


def fill_assets(folder: ClusterFolder, desc: ClusterDesc, progress: Callable[[str], None]) -> None:
    """Place the binaries that are missing or not as SHA256SUMS has them, and such plugins as stand beside them.

    What is not listed there is replaced as well: whoever placed it may have been killed before it listed it.
    """
    store, needed = SupplyStore(folder.root), needed_assets(desc)
    whole = {each.path for each in list_assets(folder, desc) if each.standing is Standing.OK}
    wanted = [path for path in needed if path not in whole]
    if not wanted or desc.kubernetes is None:
        return
    plugins = {f"cni/{name}" for name in CNI_PLUGINS} - whole
    items = _binaries(store, desc.os.arch, plugins.union(wanted))
    if items.keys().isdisjoint(wanted):
        return
    progress(f"placing {len(items)} binaries: {', '.join(sorted(path.rpartition('/')[2] for path in items))}")
    files = {path.rpartition("/")[2]: store.blob(item.digest) for path, item in items.items()}
    hashes = {path.rpartition("/")[2]: item.digest.removeprefix("sha256:") for path, item in items.items()}
    add_assets(folder, files, desc.kubernetes.version, arch=desc.os.arch, hashes=hashes)


def _binaries(store: SupplyStore, arch: str, wanted: set[str]) -> dict[str, Item]:
    """Return path -> item for those of the wanted binaries that bundles brought for an architecture."""
    return {item.path: item for item in store.items(Kind.BINARY) if item.path in wanted and item.arch in (arch, "any")}
