"""All that goes into a bundle, kind by kind: the list of what to look at for each."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from kboot_compose.services import REGISTRY, UPDATER

from ...errors import KbootError
from ...service_images.provide import ensure_images
from ...supplies.bundle_manifest import Item, Kind
from .binaries import BinarySources, collect_binaries
from .collected import Collected
from .documents import collect_documents
from .engine_packages import collect_engine_packages
from .image_files import collect_archive
from .needs import Needs
from .node_images import collect_node_images
from .os_release import OsSources, collect_os_release
from .release_key import collect_release_key, key_folders
from .service_images import collect_service_images
from .updater_program import UpdaterImage
from .wheels import WheelSources, collect_wheels


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, and where it may come from."""

    needs: Needs
    kboot: str
    kinds: frozenset[Kind]
    sources: Path  # of kboot: its services, its documentation
    root: Path  # whose clusters may have an OS release
    pythons: Sequence[str] = ()
    hosts: Sequence[str] = ()  # the processors of bootstrappers
    engine_suites: Sequence[str] = ()  # releases of Debian
    images: Sequence[Path] = ()  # archives
    binaries: BinarySources = field(default_factory=BinarySources)
    os_folders: Sequence[Path] = ()
    release_keys: Mapping[str, bytes] = field(default_factory=dict)  # by the names of clusters
    updater_config: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)  # by them, then by file name


def collect_everything(wanted: Wanted, collected: Collected, progress: Callable[[str], None]) -> list[Item]:
    """Return every item of a bundle, its contents in the cache; raise KbootError for what cannot be had."""
    try:
        collected.tidy()
        return _collected(wanted, collected, progress)
    except OSError as error:
        hint = "free some space there" if error.errno == errno.ENOSPC else "see to that path"
        raise KbootError(
            f"{error.filename or collected.folder}: {error.strerror or error}",
            f"{hint}, or have the cache elsewhere by KBOOT_CACHE, then run this again: what was fetched is kept",
        ) from error


def _collected(wanted: Wanted, collected: Collected, progress: Callable[[str], None]) -> list[Item]:
    items: list[Item] = []
    kinds, needs = wanted.kinds, wanted.needs
    if Kind.DOCUMENT in kinds:
        items += collect_documents(wanted.sources, wanted.kboot, collected)
    if Kind.BINARY in kinds:
        items += collect_binaries(needs, wanted.binaries, collected, progress)
    given = [collect_archive(path, needs.archs, collected) for path in wanted.images]
    services = cache(partial(ensure_images, wanted.sources, progress))  # built where one is needed: to carry, to run
    if Kind.SERVICE_IMAGE in kinds:
        items += collect_service_images(services(), wanted.kboot, collected, progress)
    if Kind.NODE_IMAGE in kinds:
        items += collect_node_images(needs.images, given, lambda: services()[REGISTRY.name], collected, progress)
    if Kind.OS_FILE in kinds:
        updater = UpdaterImage(lambda: services()[UPDATER.name])
        os_sources = OsSources(wanted.os_folders, wanted.root, updater)
        for desc in needs.descriptions:
            key = wanted.release_keys.get(desc.cluster.name)
            config = wanted.updater_config.get(desc.cluster.name)
            items += collect_os_release(desc, key, os_sources, collected, progress, config)
        items += _release_keys(wanted, collected, progress)
    if Kind.WHEEL in kinds:
        wheel_sources = WheelSources(wanted.sources, (wanted.sources / "pyproject.toml").is_file())
        items += collect_wheels(wanted.pythons, wanted.hosts, wheel_sources, collected, progress)
    for suite in wanted.engine_suites:
        items += collect_engine_packages(suite, collected, progress)
    return items


def _release_keys(wanted: Wanted, collected: Collected, progress: Callable[[str], None]) -> list[Item]:
    """Return the keys that the releases are verified with, each once."""
    folders = key_folders(wanted.os_folders, wanted.root, collected.folder)
    needed = {(desc.os.family, wanted.release_keys.get(desc.cluster.name)): desc for desc in wanted.needs.descriptions}
    found: dict[str, Item] = {}
    for (_, own), desc in needed.items():
        if (item := collect_release_key(desc, own, folders, collected, progress)) is not None:
            found[item.path] = item
    return list(found.values())
