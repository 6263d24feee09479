"""The unit by which systemd of the bootstrapper brings up a cluster's services at a boot."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_compose.templates import rendered

_FIRST = b"# From host/kboot-cluster.service.j2"
_FOLDER = "RequiresMountsFor="


def folder_of(unit: bytes) -> Path | None:
    """Return the cluster's folder that a unit of `autostart_unit` starts; None for another unit."""
    if not unit.startswith(_FIRST):
        return None
    for line in unit.decode(errors="replace").splitlines():
        if line.startswith(_FOLDER):  # a shell reads its quotes as systemd does
            return Path(shlex.split(line.removeprefix(_FOLDER))[0].replace("%%", "%"))
    return None


def autostart_unit(folder: ClusterFolder, kboot: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Return the unit that runs `kboot start`, given the words by which this kboot is called."""
    return rendered(
        "host/kboot-cluster.service.j2",
        cluster=folder.cluster,
        folder=folder.path,
        down=folder.down,
        environment=environment,
        command=[*kboot, "start", "--cluster", folder.cluster, "--root", str(folder.root)],
    )
