"""The main flow: from a description to services that answer. Read `up` first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.services import UPDATER

from ..describe.attachment_reader import read_attachments
from ..errors import BadInput
from ..host import state_folder
from ..host.engine import Engine, ServiceState
from ..host.progress import Progress
from ..host.stamp import held, migrate
from ..pki.store.cluster_secrets import load_or_create
from ..preflight.interface import interface_for
from ..preflight.kubernetes_skew import in_force, refuse_skew
from ..preflight.newer_state import refuse_newer_state
from ..preflight.ports import refuse_taken_ports
from ..render import Attachments, RenderedFile, render
from ..render.compose import HostNetwork, NetworkMode
from ..running.chosen import description_at
from ..running.needed_images import wanted_images
from ..running.summary import write_summary
from ..service_images.provide import ensure_images
from ..service_images.sources import sources
from ..supplies.fill import fill_release, fill_supplies
from ..supplies.missing import missing_release, missing_supplies
from .render_folder import FileChange, write_render
from .served_certificate import serve_certificate


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an `up`: the files that it changed, and the services that it started anew."""

    desc: ClusterDesc
    folder: ClusterFolder
    changes: list[FileChange]
    recreated: list[str]


def up(
    path: Path,
    root: Path,
    progress: Progress,
    *,
    network: NetworkMode | None = None,
    images_from: str | None = None,
    before_start: Callable[[Engine], None] = lambda engine: None,
    after_start: Callable[[Engine], None] = lambda engine: None,
    timeout_s: float = 120,
) -> Outcome:
    """Bring the cluster that `path` describes into force and wait until its services are healthy.

    The registry `images_from` takes the place of the description's `service_images_from`. The lab starts what stands
    outside the project, such as its release server, in `before_start`, and fills the registry in `after_start`.
    """
    desc = description_at(path)
    attachments = read_attachments(desc, path)  # first: with a fault in one, nothing is written
    folder = ClusterFolder(root, desc.cluster.name)
    mode = network if network is not None else HostNetwork()
    with held(folder):
        refuse_newer_state(folder)
        migrate(folder, progress)
        if unsure := refuse_skew(folder, desc, path):
            progress(unsure)
        interface = interface_for(desc, path, mode)
        engine = Engine(folder)
        refuse_lab(engine, mode)
        before = engine.services()
        refuse_taken_ports(desc, mode, before, in_force(folder))
        images = ensure_images(sources(), progress, images_from or desc.service_images_from)
        state_folder.make_data_folders(folder)
        rendered = render_into(folder, desc, path, images, mode, interface, attachments=attachments)
        changes = write_render(folder, rendered)
        progress(f"{len(changes)} files changed in {folder.path}" if changes else f"{folder.path} is up to date")
        before_start(engine)
        has_new_release = fill_release(engine, desc, images[UPDATER.name], progress)
        engine.up()
        if stale := to_restart(before, has_new_release):
            engine.restart(stale)
        state_folder.forget_down(folder)
        engine.wait_healthy(progress, timeout_s)
        after_start(engine)
        wanted = [reference for _, reference in wanted_images(folder, desc)]
        fill_supplies(engine, desc, wanted, progress)
        for lacking in (*missing_release(folder, desc), *missing_supplies(folder, desc, wanted)):
            progress(lacking)
        write_summary(folder, desc, images)
        serve_certificate(engine, desc, progress)  # last: while downloads are finished it may raise NotYet
        return Outcome(desc, folder, changes, recreated(before, engine.services()))


def render_into(
    folder: ClusterFolder,
    desc: ClusterDesc,
    path: Path,
    images: dict[str, str],
    mode: NetworkMode,
    interface: str,
    kept: ClusterFolder | None = None,
    *,
    attachments: Attachments | None = None,
) -> dict[str, RenderedFile]:
    """Return the render of `desc` for `folder`, with the secrets of `kept` (default: `folder`), made where missing.

    Its attachments are read beside `path` unless they are given.
    """
    if attachments is None:
        attachments = read_attachments(desc, path)
    secrets = load_or_create(kept or folder, desc, datetime.now(UTC), folder)
    return render(
        desc,
        secrets=secrets,
        images=images,
        network=mode,
        interface=interface,
        root=folder.root,
        attachments=attachments,
    )


def refuse_lab(engine: Engine, mode: NetworkMode) -> None:
    """Raise BadInput where the host's network is wanted for a cluster whose lab runs here in a network of its own."""
    if isinstance(mode, HostNetwork) and (guests := engine.guests()):
        raise BadInput(
            f"{engine.folder.cluster} is a lab on this machine: {', '.join(guests)}",
            f"`kboot lab up FILE` changes it, `kboot lab down --cluster {engine.folder.cluster}` ends it",
        )


def to_restart(before: list[ServiceState], has_new_release: bool) -> list[str]:
    """Return the services that ran `before`, and that Compose leaves as they are where they should begin anew.

    Those are the unhealthy ones, and the updater, which looks at once then, where a release was placed in its store.
    """
    running = [service for service in before if service.state == "running"]
    updaters = {UPDATER.name} if has_new_release else set()
    return [service.name for service in running if service.health == "unhealthy" or service.name in updaters]


def recreated(before: list[ServiceState], after: list[ServiceState]) -> list[str]:
    """Return the services whose container was replaced, or started again, between `before` and `after`."""
    old = {service.name: (service.container, service.started) for service in before}
    return [service.name for service in after if old.get(service.name) != (service.container, service.started)]
