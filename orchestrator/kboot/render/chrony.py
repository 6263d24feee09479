"""Renders what chronyd reads, where the bootstrapper serves time."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import TIME
from kboot_compose.templates import rendered


def chrony_files(desc: ClusterDesc) -> dict[str, bytes]:
    """Return the file that chronyd reads; none where the description names time servers."""
    if not desc.serves_time:
        return {}
    network = desc.network
    values = {"user": TIME.user.name, "bootstrapper": network.bootstrapper, "subnet": network.subnet}
    return {"config/chrony.conf": rendered("config/chrony.conf.j2", **values)}
