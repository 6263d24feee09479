"""Commands to paste: with the name of their cluster, where the root holds more than that one. All are printed by it."""

from __future__ import annotations

from kboot_clusterdesc import ClusterFolder

from ..host.state_folder import clusters

_BY_FILE = ("kboot up ", "kboot diff ")  # the description names the cluster


def cluster_to_name(folder: ClusterFolder) -> str | None:
    """Return the name that a command about this cluster has to say; None where it is the only one under its root."""
    return folder.cluster if len(clusters(folder.root)) > 1 else None


def pasted(command: str, cluster: str | None) -> str:
    """Return the command as it works when it is pasted, with the name that `cluster_to_name` returned."""
    is_named = not command.startswith("kboot ") or command.startswith(_BY_FILE) or " --cluster " in command
    if cluster is None or is_named:
        return command
    return f"{command} --cluster {cluster}"
