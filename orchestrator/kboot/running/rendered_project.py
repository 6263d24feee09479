"""The Compose project as it was rendered last, and what it alone tells."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import yaml

from kboot_clusterdesc import ClusterFolder

from ..render.compose import HostNetwork, LabNetwork, NetworkMode


def rendered_project(folder: ClusterFolder) -> dict[str, Any]:
    """Return the project as Compose reads it; empty where nothing was rendered, or what is there cannot be read."""
    try:
        project = yaml.safe_load(folder.compose.read_text())
    except (OSError, yaml.YAMLError):
        return {}
    return project if isinstance(project, dict) else {}


def network_in_force(folder: ClusterFolder) -> NetworkMode:
    """Return the network mode of the cluster as it is rendered now; the host's where there is none.

    Only the Compose project keeps it: a description says nothing of a lab.
    """
    network = rendered_project(folder).get("networks", {}).get("lab")
    if network is None:
        return HostNetwork()
    pool = network["ipam"]["config"][0]
    return LabNetwork(gateway=IPv4Address(pool["gateway"]), ip_range=IPv4Network(pool["ip_range"]))
