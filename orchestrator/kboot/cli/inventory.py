"""`kboot inventory`: a cluster's machines for Ansible, ssh and /etc/hosts."""

from __future__ import annotations

import argparse
import sys

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, note, print_json


def register(commands: Commands) -> None:
    """Add `kboot inventory` to the command line."""
    parser = add_command(
        commands,
        "inventory",
        run_inventory,
        summary="print the machines for Ansible, ssh or /etc/hosts, at the addresses that they have now",
        example="kboot inventory --ssh-config > ~/.ssh/ail.conf",
    )
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument(
        "--ansible",
        action="store_true",
        help="the JSON of an inventory script: groups by role and phase, variables of hosts",
    )
    form.add_argument("--ssh-config", action="store_true", help="a `Host` of ssh_config(5) for each machine")
    form.add_argument("--known-hosts", action="store_true", help="the ssh host keys that the machines told")
    form.add_argument("--hosts", action="store_true", help="lines for /etc/hosts")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--list", action="store_true", help="with `--ansible`: all hosts, as without it")
    asked.add_argument("--host", metavar="NAME", help="with `--ansible`: the variables of this host alone")
    add_cluster(parser)


def run_inventory(arguments: argparse.Namespace) -> ExitCode:
    """Print the machines of a cluster in the form that was asked for."""
    from ..running.chosen import chosen_cluster, description_in_force, node_named
    from ..running.cloudconfig_client import CloudConfigClient
    from ..running.inventory import Inventory

    if (arguments.list or arguments.host) and not arguments.ansible:
        raise BadInput("`--list` and `--host` are what Ansible asks an inventory script", "say `--ansible` too")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    desc = description_in_force(folder)
    nodes = CloudConfigClient(folder, desc).nodes()
    inventory = Inventory(desc, nodes)
    if arguments.ansible:
        found = inventory.ansible()
        host = node_named(nodes, arguments.host)["name"] if arguments.host else None
        print_json(found if host is None else found["_meta"]["hostvars"][host])
        return ExitCode.DONE
    if arguments.ssh_config:
        content = inventory.ssh_config()
    else:
        content = inventory.known_hosts() if arguments.known_hosts else inventory.hosts()
    sys.stdout.write(content.decode())
    if without := [machine.name for machine in inventory.machines if machine.address is None]:
        note(f"note: without an address yet, so left out: {', '.join(without)}")
    return ExitCode.DONE
