"""Switches on and off that systemd brings a cluster's services up at a boot of this machine."""

from __future__ import annotations

from kboot_clusterdesc import ClusterFolder

from ..errors import BadInput, NotYet
from ..host.own_command import own_command, own_environment
from ..host.stamp import held
from ..host.systemd import UNITS, enable_unit, remove_unit, runs
from ..render.autostart import autostart_unit
from ..render.compose import HostNetwork
from ..running.rendered_project import network_in_force


def switch_on(folder: ClusterFolder) -> None:
    """Write the cluster's unit and enable it; raise NotYet where that is done, and no systemd runs that would see it.

    The machines of a lab are containers that stay off, so a lab is refused.
    """
    if not folder.compose.is_file():
        raise BadInput(f"{folder.path}: nothing was rendered there yet", "run `kboot up FILE` first")
    if not isinstance(network_in_force(folder), HostNetwork):
        raise BadInput(
            f"{folder.cluster} is a lab, whose machines stay off after a reboot",
            "`kboot lab up FILE` brings a lab up again",
        )
    with held(folder):
        enable_unit(folder.unit, autostart_unit(folder, own_command(), own_environment()))
    if not runs():
        raise NotYet(
            f"{UNITS / folder.unit}: is written and enabled, but systemd does not run here, so nothing starts it",
            f"it counts from a boot with systemd on; else have `kboot start --cluster {folder.cluster}` run at a boot",
        )


def switch_off(folder: ClusterFolder) -> bool:
    """Take the cluster's unit away; return whether there was one."""
    with held(folder):
        return remove_unit(folder.unit)
