"""`kboot node list | show | reinstall | disarm`: one machine."""

from __future__ import annotations

import argparse
from urllib.parse import quote

from ..errors import ExitCode
from ..status import CloudConfig, JsonObject, chosen_cluster, description_in_force, node_named
from .cluster import node_row
from .options import Commands, add_cluster, add_command, add_group, add_json, print_json, print_table


def register(commands: Commands) -> None:
    """Add the commands."""
    group = add_group(
        commands, "node", summary="look at a machine, or install it again", example="kboot node list"
    )
    parser = add_command(group, "list", run_list, summary="list the nodes", example="kboot node list")
    add_json(parser)
    add_cluster(parser)
    parser = add_command(group, "show", run_show, summary="show one node", example="kboot node show node1")
    _add_node(parser)
    add_json(parser)
    parser = add_command(
        group,
        "reinstall",
        run_reinstall,
        summary="arm a node: it installs itself once more at its next network boot",
        example="kboot node reinstall node1",
    )
    _add_node(parser)
    parser = add_command(
        group,
        "disarm",
        run_disarm,
        summary="take an arming back: the node's next network boot goes to its disk",
        example="kboot node disarm node1",
    )
    _add_node(parser)


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    add_cluster(parser)


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the nodes."""
    nodes = _nodes(_server(arguments))
    if arguments.json:
        print_json(nodes)
    else:
        print_table(
            ["NODE", "MAC", "ADDRESS", "PHASE", "SINCE", "CONFIG", ""], [node_row(node) for node in nodes]
        )
    return ExitCode.DONE


def run_show(arguments: argparse.Namespace) -> ExitCode:
    """Show one node."""
    node = node_named(_nodes(_server(arguments)), arguments.name)
    if arguments.json:
        print_json(node)
        return ExitCode.DONE
    for key, value in node.items():
        if key == "phases":
            value = ", ".join(f"{phase} {since}" for phase, since in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        print(f"{key:<8} {'-' if value in (None, '') else value}")
    return ExitCode.DONE


def run_reinstall(arguments: argparse.Namespace) -> ExitCode:
    """Arm one node."""
    server = _server(arguments)
    node = node_named(_nodes(server), arguments.name)
    if node["armed"] and node["phase"] in ("installing", "configured"):
        print(f"{node['name']} is being installed already ({node['phase']}); a power cycle begins that install anew")
        return ExitCode.DONE
    server.post(f"/v1/nodes/{quote(node['mac'])}/arm")
    print(f"{node['name']} is armed: it installs itself at its next network boot - power-cycle it")
    return ExitCode.DONE


def run_disarm(arguments: argparse.Namespace) -> ExitCode:
    """Disarm one node."""
    server = _server(arguments)
    node = node_named(_nodes(server), arguments.name)
    server.post(f"/v1/nodes/{quote(node['mac'])}/disarm")
    print(f"{node['name']} is disarmed: its next network boot goes to its disk")
    return ExitCode.DONE


def _server(arguments: argparse.Namespace) -> CloudConfig:
    folder = chosen_cluster(arguments.root, arguments.cluster)
    return CloudConfig(folder, description_in_force(folder))


def _nodes(server: CloudConfig) -> list[JsonObject]:
    nodes: list[JsonObject] = server.get("/v1/nodes").get("nodes", [])
    return nodes
