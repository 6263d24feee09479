"""The unit by which systemd of the bootstrapper brings up a cluster's services at a boot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kboot_clusterdesc import ClusterFolder
from kboot_compose.templates import rendered


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
