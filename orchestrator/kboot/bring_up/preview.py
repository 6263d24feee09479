"""Previews of `kboot up`: the files that it would render, and what it would do to each service."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.services import SERVICES, Service

from ..errors import BadInput, KbootError
from ..host.engine import Engine, ServiceState
from ..host.network_interfaces import holder_of, interfaces
from ..host.stamp import refuse_newer
from ..preflight.interface import LAB_INTERFACE
from ..preflight.kubernetes_skew import in_force
from ..render import RenderedFile
from ..render.compose import HostNetwork, NetworkMode
from ..running.chosen import description_at
from ..running.rendered_project import network_in_force, rendered_project
from ..service_images.build import image_references
from ..service_images.sources import sources
from .changed_lines import ChangedFile, Fate, changed_files, fates
from .render_folder import FileChange, differences, write_render
from .up import render_into

_RENDERED = "# From compose.yaml.j2"


class Action(StrEnum):
    """The effect of `kboot up` on a service."""

    CREATE = "create"
    RESTART = "restart"
    HAND_OVER = "hand-over"
    RELOAD = "reload"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Preview:
    """The files that `kboot up` would change, and its effect on each service."""

    files: list[FileChange]
    services: dict[str, Action]
    changed: list[ChangedFile] = field(default_factory=list)
    machines: dict[str, Fate] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether `kboot up` would change nothing."""
        return not self.files and set(self.services.values()) <= {Action.NONE}


def render_to(path: Path, output: Path, root: Path) -> list[str]:
    """Render the description `path` into the folder `output`; return the paths written, in order.

    The secrets are those of the cluster where there is one, else fresh ones that stay in `output`.
    """
    desc = description_at(path)
    _refuse_foreign(output)
    kept = _kept(root, desc)
    with _scratch(kept) as secrets:
        rendered = _render(desc, path, kept, secrets)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{output}: {error.strerror}", "name a folder that can be written with `-o`") from error
    output = output.absolute()
    write_render(ClusterFolder(output.parent, output.name), rendered)
    return sorted(rendered)


def _kept(root: Path, desc: ClusterDesc) -> ClusterFolder:
    """Return the cluster's folder; raise NewerFolder where this kboot cannot read it."""
    folder = ClusterFolder(root, desc.cluster.name)
    refuse_newer(folder)
    return folder


def _refuse_foreign(output: Path) -> None:
    """Raise BadInput unless `output` is new, empty or an older render: a render removes other files from it."""
    hint = "name a new or empty folder with `-o`"
    if str(output) in ("", "."):
        raise BadInput("-o names the folder you are in", hint)
    try:
        if not output.exists() or not any(output.iterdir()):
            return
        first = (output / "compose.yaml").read_text().partition("\n")[0]
    except NotADirectoryError as error:
        raise BadInput(f"{output}: is a file, not a folder", hint) from error
    except OSError:
        first = ""
    if not first.startswith(_RENDERED):
        raise BadInput(f"{output}: is not empty, and nothing that `kboot render` made", hint)


@contextmanager
def _scratch(kept: ClusterFolder) -> Iterator[ClusterFolder]:
    """Yield a folder with a copy of the cluster's secrets: a preview makes and renews keys in that copy alone."""
    with tempfile.TemporaryDirectory(prefix="kboot-") as scratch:
        folder = ClusterFolder(Path(scratch), kept.cluster)
        if kept.pki.exists():
            shutil.copytree(kept.pki, folder.pki)
        yield folder


def preview(path: Path, root: Path) -> Preview:
    """Return what `kboot up` of the description `path` would change."""
    desc = description_at(path)
    folder = _kept(root, desc)
    with _scratch(folder) as secrets:
        rendered = _render(desc, path, folder, secrets)
    files = differences(folder, rendered)
    wanted = yaml.safe_load(rendered["compose.yaml"].content)["services"]
    return Preview(
        files,
        actions(wanted, _compose(folder), _running(folder), files),
        changed_files(folder, rendered, files),
        fates(folder, in_force(folder), desc, rendered),
    )


def actions(
    wanted: Mapping[str, Any],
    present: Mapping[str, Any],
    running: Mapping[str, ServiceState],
    files: list[FileChange],
    services: Sequence[Service] = SERVICES,
) -> dict[str, Action]:
    """Return service -> action, given each service's `wanted` and `present` entry in compose.yaml."""
    ours = {service.name: service for service in services}
    return {name: _action(ours.get(name), wanted[name], present.get(name), running.get(name), files) for name in wanted}


def _action(
    service: Service | None, wanted: Any, present: Any, running: ServiceState | None, files: list[FileChange]
) -> Action:
    if running is None or running.state == "missing":
        return Action.CREATE
    if wanted != present:
        return Action.RESTART
    if service is None:
        return Action.NONE
    if any(change.path in service.hands_over_on for change in files):
        return Action.HAND_OVER
    return Action.RELOAD if any(service.reloads(change.path) for change in files) else Action.NONE


def _render(desc: ClusterDesc, path: Path, kept: ClusterFolder, secrets: ClusterFolder) -> dict[str, RenderedFile]:
    mode = network_in_force(kept)
    return render_into(kept, desc, path, image_references(sources()), mode, _interface(desc, mode), secrets)


def guessed_interface(path: Path, root: Path) -> str | None:
    """Return the interface that a render guesses when none here has the bootstrapper's address, else None."""
    desc = description_at(path)
    mode = network_in_force(_kept(root, desc))
    if not isinstance(mode, HostNetwork) or desc.network.interface is not None:
        return None
    return None if holder_of(desc.network.bootstrapper, interfaces()) else LAB_INTERFACE


def _interface(desc: ClusterDesc, mode: NetworkMode) -> str:
    """Return the interface that dnsmasq would answer on; where none has its address a guess, which `up` refuses."""
    if not isinstance(mode, HostNetwork):
        return LAB_INTERFACE
    holder = holder_of(desc.network.bootstrapper, interfaces())
    return desc.network.interface or (holder.name if holder else LAB_INTERFACE)


def _compose(folder: ClusterFolder) -> dict[str, Any]:
    services: dict[str, Any] = rendered_project(folder).get("services", {})
    return services


def _running(folder: ClusterFolder) -> dict[str, ServiceState]:
    try:
        return {service.name: service for service in Engine(folder).services()}
    except KbootError:
        return {}
