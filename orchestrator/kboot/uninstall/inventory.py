"""All that kboot has made on this machine, found before anything of it is removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import STATE_MARK

from ..errors import KbootError
from ..host import cache, state_folder, systemd
from ..host.engine import connect
from ..host.engine_contents import EngineContents, contents_of_clusters
from ..host.stamp import refuse_newer
from ..render.autostart import folder_of
from ..render.compose import HostNetwork
from ..running.chosen import description_in_force
from ..running.cloudconfig_client import CloudConfigClient, JsonObject
from ..running.rendered_project import network_in_force
from ..service_images.present import PresentImage, present_images

_SECRETS_GIVEN = {"configured", "installed", "running", "ready"}
_LEFT_BY_AN_INSTALL = ("version", "install_disk", "boot_partition", "ssh_host_keys")


@dataclass(frozen=True, slots=True)
class ClusterHere:
    """A cluster under the root, or what an engine still has of one whose folder is gone."""

    folder: ClusterFolder
    contents: EngineContents
    has_folder: bool
    has_unit: bool
    living: str = ""  # why its machines may need its keys; "" where none was installed

    def lines(self) -> Iterator[str]:
        """Yield what would be removed of it."""
        if self.has_folder:
            yield f"{self.folder.path}: its keys, states, images, all of it"
        for kind, names in self.contents.by_kind():
            yield f"{kind}: {', '.join(names)}"
        if self.has_unit:
            yield f"unit: {systemd.UNITS / self.folder.unit}"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What kboot has made on this machine, and what speaks against removing it."""

    root: Path
    clusters: tuple[ClusterHere, ...]
    elsewhere: tuple[Path, ...]  # folders of clusters under other roots, whose services use the same images
    images: tuple[PresentImage, ...]
    files: tuple[Path, ...]  # that belong to no cluster: the supplies of bundles, locks
    cached: tuple[Path, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of kboot is here."""
        return not (self.clusters or self.images or self.files or self.cached)

    def lines(self) -> Iterator[str]:
        """Yield a line for each thing that would be removed."""
        for each in self.clusters:
            yield f"cluster {each.folder.cluster}"
            yield from (f"  {line}" for line in each.lines())
        if self.images:
            yield f"images: {', '.join(sorted(str(image) for image in self.images))}"
        yield from (str(path) for path in (*self.files, *self.cached))


def take_inventory(root: Path) -> Inventory:
    """Return what is there; raise NewerFolder where a newer kboot may have made what this one does not know of.

    Raise EngineError where the engine cannot say what it holds.
    """
    here = state_folder.begun_clusters(root)
    for name in here:
        refuse_newer(ClusterFolder(root, name))
    client = connect()
    contents = contents_of_clusters(client)
    units = {name: folder for name in systemd.unit_names("kboot-*.service") if (folder := _folder_of_unit(name))}
    folders = {*(path for each in contents.values() for path in each.folders), *units.values()}
    elsewhere = tuple(sorted(path for path in folders if path.parent != root and state_folder.is_cluster(path)))
    names = {*here, *contents, *(folder.name for folder in units.values())} - {path.name for path in elsewhere}
    clusters = (
        _cluster(ClusterFolder(root, name), name in here, contents.get(name, EngineContents()), units)
        for name in sorted(names)
    )
    return Inventory(
        root,
        tuple(clusters),
        elsewhere,
        tuple(present_images(client)),
        tuple(state_folder.other_files(root)),
        tuple(cache.contents()),
    )


def was_installed(node: JsonObject) -> bool:
    """Return whether a machine, as the cloud-config server shows it, was installed once or may have been."""
    if not node.get("armed") or _SECRETS_GIVEN & {node.get("phase"), *node.get("phases", {})}:
        return True
    return any(node.get(key) for key in _LEFT_BY_AN_INSTALL)


def _cluster(folder: ClusterFolder, has_folder: bool, contents: EngineContents, units: dict[str, Path]) -> ClusterHere:
    living = _living(folder) if has_folder else ""
    return ClusterHere(folder, contents, has_folder, folder.unit in units, living)


def _living(folder: ClusterFolder) -> str:
    """Return why machines may need the cluster's keys; those of a lab go with it, and need none."""
    is_lab = not isinstance(network_in_force(folder), HostNetwork)
    if is_lab or not folder.pki.exists() or (folder.state / STATE_MARK).exists():
        return ""
    try:
        nodes = CloudConfigClient(folder, description_in_force(folder)).nodes()
    except KbootError as error:
        return f"its machines may be installed, and nobody can say: {error.message}"
    installed = [str(node["name"]) for node in nodes if was_installed(node)]
    return f"machines were installed: {', '.join(installed)}" if installed else ""


def _folder_of_unit(name: str) -> Path | None:
    content = systemd.unit(name)
    return folder_of(content) if content is not None else None
