"""The page of the cluster: services, releases, Kubernetes, images and certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import Role

from ..caller import ServedFleet
from ..fleet import Fleet
from ..nodes import around
from ..releases import is_whole, updater_status
from ..summary import summary_of
from ..updating_release import updating_release
from .answer import page
from .fleet import ServedRows
from .services import ServedServices

_SOON = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Release:
    """A release in the store."""

    version: str
    is_whole: bool
    in_force: bool
    size_bytes: int


async def cluster_page(request: Request, fleet: ServedFleet, served: ServedRows, services: ServedServices) -> Response:
    """Answer with the page of the cluster."""
    desc = fleet.desc()
    rows = {row.mac: row for row in await served.current()}
    control = {Role.CONTROL_PLANE, Role.ETCD}
    values = {
        "title": "Cluster",
        "state": around(fleet, []),
        "here": "/cluster",
        "services": await services.current(desc),
        "own_time_servers": desc.network.ntp,
        "updater": updater_status(fleet.settings.images),
        "releases": _releases(fleet),
        "startable": updating_release(fleet),
        "control": [rows[node.mac] for node in desc.nodes if control & set(node.roles) and node.mac in rows],
        "kubernetes": fleet.kubernetes,
        "summary": (summary := summary_of(fleet)),
        "soon": (fleet.now() + _SOON) if summary else None,
    }
    return page(request, "cluster.html.j2", lambda: values)


def _releases(fleet: Fleet) -> list[Release]:
    desc, images = fleet.desc(), fleet.settings.images
    current = fleet.release_in_force()
    try:
        folders = [each for each in (images / desc.os.channel).iterdir() if each.is_dir() and not each.is_symlink()]
        return [
            Release(
                each.name,
                is_whole(images, desc, each.name),
                each.name == current,
                sum(file.stat().st_size for file in each.iterdir() if file.is_file()),
            )
            for each in sorted(folders, reverse=True)
            if not each.name.startswith(".")
        ]
    except OSError:  # pruned while it was looked at
        return []
