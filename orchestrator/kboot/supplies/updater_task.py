"""One command of the updater, in a short-lived container of its image, on the store of a cluster.

It takes turns with the service by the lock in the store, and works where the description leaves the service out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docker.types import Mount

from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import UPDATER

from ..host.engine import Engine
from .task_container import bind_mount, run_task


@dataclass(frozen=True, slots=True)
class UpdaterAnswer:
    """What a command of the updater ended with: its exit code, and its answer as lines."""

    code: int
    lines: list[str]


def run_updater(
    engine: Engine,
    desc: ClusterDesc,
    image: str,
    arguments: Sequence[str],
    progress: Callable[[str], None],
    beside: Sequence[Mount] = (),
) -> UpdaterAnswer:
    """Run a command of the updater, such as `check`, and return its answer; `progress` is told what it logs.

    `beside` is what it sees besides the cluster's folders.
    """
    lines: list[str] = []

    def hear(line: str) -> None:
        detail = logged_detail(line)
        if detail is None:
            lines.append(line)
        elif detail:
            progress(detail)

    folder, proxy = engine.folder, desc.network.proxy
    mounts = [
        bind_mount(folder.path / mount.path, mount.target, read_only=not UPDATER.may_write(mount))
        for mount in UPDATER.mounts
    ]
    code, _ = run_task(
        engine.client,
        image,
        ["python3", "-m", "kboot_updater", *arguments],
        mounts=[*mounts, *beside],
        environment={"KBOOT_BIND": str(desc.network.bootstrapper)} | (proxy.environment if proxy else {}),
        user=UPDATER.user.uid if os.geteuid() == 0 else os.geteuid(),
        network=_network(engine),
        label=folder.cluster,
        hear=hear,
    )
    return UpdaterAnswer(code, lines)


def updater_image(engine: Engine) -> str | None:
    """Return the image that the cluster's updater runs in; None where it has none now."""
    return next((each.image for each in engine.services() if each.name == UPDATER.name and each.image), None)


def logged_detail(line: str) -> str | None:
    """Return the detail of a line of the updater's log, "" where it has none; None for a line of its answer."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or "event" not in said:
        return None
    return str(said.get("detail", ""))


def _network(engine: Engine) -> str:
    """Return the network of the services, be that this machine's or a lab's: the cloud-config server is asked there."""
    running = (each.container for each in engine.services() if each.state == "running" and each.container)
    container = next(running, None)
    return f"container:{container}" if container else "host"
