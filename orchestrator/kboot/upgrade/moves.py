"""Judges whether a node config would move a running machine to another address while it is being given. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kboot_clusterdesc import ClusterDesc

from ..node.network import has_static_address


def runs_config_in_force(machine: Mapping[str, Any]) -> bool:
    """Return whether a machine of `/v1/nodes` told that it runs the config in force: `current` may be said of silence.

    An older cloud-config server does not say which of the two it is.
    """
    return machine["config"] == "current" and bool(machine.get("config_told", True))


def reason_against(desc: ClusterDesc, machine: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return why a machine of `/v1/nodes` cannot be given its config where it is, and the way out; None where it can.

    One that has its config already would not move, whatever lease is left of its install.
    """
    node = next((each for each in desc.nodes if each.mac == machine["mac"]), None)
    if node is None or not has_static_address(desc, node) or runs_config_in_force(machine):
        return None
    if machine["ip"] in (None, str(node.ip)):
        return None
    return (
        f"{node.name} has {machine['ip']}, and with its new config it would leave that for {node.ip} midway",
        f"`kboot node reinstall {node.name}` moves it; one that had no `ip` so far has the new one after its next boot"
        ": docs/networks.md: Another address",
    )
