"""Which machines run an older config than the one in force, as `kboot up` says at its end."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..running.cloudconfig_client import CloudConfigClient, Unreachable
from ..running.trouble import is_outdated, names_of, way_to_config


def outdated_note(folder: ClusterFolder, desc: ClusterDesc) -> str | None:
    """Return which machines run an older config and the command that brings the new one; None where none does."""
    try:
        nodes = CloudConfigClient(folder, desc).nodes()
    except Unreachable:
        return None
    outdated = [node for node in nodes if is_outdated(node)]
    if not outdated:
        return None
    verb = "runs" if len(outdated) == 1 else "run"
    return f"{names_of(outdated)} {verb} an older config; `{way_to_config(nodes, outdated)}` brings the one in force"
