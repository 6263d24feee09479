"""`kboot autostart on | off`: whether a cluster's services come up by themselves after a reboot."""

from __future__ import annotations

import argparse

from ..errors import ExitCode
from .options import Commands, add_cluster, add_command, add_group


def register(commands: Commands) -> None:
    """Add the `kboot autostart` commands to the command line."""
    group = add_group(
        commands,
        "autostart",
        summary="let systemd bring a cluster's services up after a reboot of this machine, or not",
        example="kboot autostart on",
    )
    for way, run, summary in (
        ("on", run_on, "bring the services up after each reboot, once the engine and the address are there"),
        ("off", run_off, "leave the services alone after a reboot; what runs goes on"),
    ):
        add_cluster(add_command(group, way, run, summary=summary, example=f"kboot autostart {way} --cluster ail"))


def run_on(arguments: argparse.Namespace) -> ExitCode:
    """Have the services started at each boot."""
    from ..bring_up.autostart import switch_on
    from ..running.chosen import chosen_cluster

    folder = chosen_cluster(arguments.root, arguments.cluster)
    switch_on(folder)
    print(f"autostart of {folder.cluster} is on: {folder.unit} runs `kboot start` at each boot")
    return ExitCode.DONE


def run_off(arguments: argparse.Namespace) -> ExitCode:
    """Have the services left alone at a boot."""
    from ..bring_up.autostart import switch_off
    from ..running.chosen import chosen_cluster

    folder = chosen_cluster(arguments.root, arguments.cluster)
    print(f"autostart of {folder.cluster} is off" + ("" if switch_off(folder) else " already"))
    return ExitCode.DONE
