"""What `kboot up` would do, without doing it: the render, and what each service would go through."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

import kboot_clusterdesc
from kboot_clusterdesc import ClusterDesc, ClusterFolder

from . import state_folder
from .engine import Engine, Service
from .errors import KbootError
from .images.build import image_references
from .network_interfaces import holder_of, interfaces
from .render import RenderedFile
from .render.compose import HostNetwork, LabNetwork, NetworkMode
from .state_folder import FileChange
from .up import LAB_INTERFACE, checkout, render_into

# These see the folders themselves, so an edit reaches them without a restart.
_RELOADED_BY = {
    "cloudconfig": ("config/", "nodes/"),
    "updater": ("config/clusterdesc.yaml", "config/release-key.asc"),
}


class Action(StrEnum):
    """What a service would go through."""

    CREATE = "create"
    RESTART = "restart"
    RELOAD = "reload"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Preview:
    """What an `up` would change."""

    files: list[FileChange]
    services: dict[str, Action]


def render_to(path: Path, output: Path, root: Path) -> list[str]:
    """Render the description `path` into the folder `output`; the paths written, in order.

    The secrets are those of the cluster where there is one, else fresh ones that stay in `output`.
    """
    desc = kboot_clusterdesc.load(path)
    output = output.absolute()
    here = ClusterFolder(output.parent, output.name)
    kept = ClusterFolder(root, desc.cluster.name)
    rendered = _render(desc, path, kept, kept if _has_secrets(kept) else here)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KbootError(
            f"{output}: {error.strerror}", "name a folder that can be written with `-o`"
        ) from error
    state_folder.write_render(here, rendered)
    return sorted(rendered)


def preview(path: Path, root: Path) -> Preview:
    """What `kboot up` of `path` would change, files and services."""
    desc = kboot_clusterdesc.load(path)
    folder = ClusterFolder(root, desc.cluster.name)
    if _has_secrets(folder):
        rendered = _render(desc, path, folder, folder)
    else:
        with tempfile.TemporaryDirectory(prefix="kboot-") as scratch:
            rendered = _render(desc, path, folder, ClusterFolder(Path(scratch), desc.cluster.name))
    files = state_folder.differences(folder, rendered)
    wanted = yaml.safe_load(rendered["compose.yaml"].content)["services"]
    return Preview(files, actions(wanted, _compose(folder), _running(folder), files))


def actions(
    wanted: Mapping[str, Any],
    present: Mapping[str, Any],
    running: Mapping[str, Service],
    files: list[FileChange],
) -> dict[str, Action]:
    """service -> what it would go through, given its wanted and present place in compose.yaml."""
    return {name: _action(name, wanted[name], present.get(name), running.get(name), files) for name in wanted}


def _action(name: str, wanted: Any, present: Any, running: Service | None, files: list[FileChange]) -> Action:
    if running is None or running.state == "missing":
        return Action.CREATE
    if wanted != present:
        return Action.RESTART
    seen = _RELOADED_BY.get(name, ())
    return Action.RELOAD if any(change.path.startswith(seen) for change in files if seen) else Action.NONE


def _render(
    desc: ClusterDesc, path: Path, kept: ClusterFolder, secrets: ClusterFolder
) -> dict[str, RenderedFile]:
    mode = network_in_force(kept)
    return render_into(kept, desc, path, image_references(checkout()), mode, _interface(desc, mode), secrets)


def network_in_force(folder: ClusterFolder) -> NetworkMode:
    """The network mode of the cluster as it is rendered now; the host's where there is none."""
    network = _compose_file(folder).get("networks", {}).get("lab")
    if network is None:
        return HostNetwork()
    from ipaddress import IPv4Address, IPv4Network

    pool = network["ipam"]["config"][0]
    return LabNetwork(gateway=IPv4Address(pool["gateway"]), ip_range=IPv4Network(pool["ip_range"]))


def _interface(desc: ClusterDesc, mode: NetworkMode) -> str:
    """Where dnsmasq would answer; on a machine without that address, a guess that `up` will not take over."""
    if not isinstance(mode, HostNetwork):
        return LAB_INTERFACE
    holder = holder_of(desc.network.bootstrapper, interfaces())
    return desc.network.interface or (holder.name if holder else LAB_INTERFACE)


def _has_secrets(folder: ClusterFolder) -> bool:
    return (folder.pki / "cluster-ca.key").exists()


def _compose_file(folder: ClusterFolder) -> dict[str, Any]:
    try:
        project = yaml.safe_load(folder.compose.read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return project if isinstance(project, dict) else {}


def _compose(folder: ClusterFolder) -> dict[str, Any]:
    services: dict[str, Any] = _compose_file(folder).get("services", {})
    return services


def _running(folder: ClusterFolder) -> dict[str, Service]:
    try:
        return {service.name: service for service in Engine(folder).services()}
    except KbootError:
        return {}
