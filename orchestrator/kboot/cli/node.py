"""`kboot node list | show | reinstall | disarm | settle | drain | uncordon | apply`; others are in node_declare.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import ExitCode, NotYet
from ..host.told_commands import told
from .node_declare import register_declared
from .options import (
    Commands,
    add_cluster,
    add_command,
    add_group,
    add_listing,
    add_login,
    add_timeout,
    form_of,
    login,
    note,
    print_listing,
    print_value,
)

if TYPE_CHECKING:
    from ..preflight.losses import Objection
    from ..running.cloudconfig_client import CloudConfigClient, JsonObject
    from ..running.kubectl import Kubectl


_SHOWS = "show one node: why it is where it is, what to type next, how long each phase took"


def register(commands: Commands) -> None:
    """Add the `kboot node` commands to the command line."""
    group = add_group(commands, "node", summary="look at a machine, or install it again", example="kboot node list")
    parser = add_command(group, "list", run_list, summary="list the nodes", example="kboot node list")
    add_listing(parser)
    add_cluster(parser)
    parser = add_command(group, "show", run_show, summary=_SHOWS, example="kboot node show node1")
    _add_node(parser)
    add_listing(parser)
    parser = add_command(
        group,
        "reinstall",
        run_reinstall,
        summary="arm a node: it installs itself once more at its next network boot; looks first what would go with it",
        example="kboot node reinstall node1",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="even if etcd loses its quorum or its data, or Kubernetes its last API server, "
        "or certificates that it would be given have ended",
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
    parser = add_command(
        group,
        "settle",
        run_settle,
        summary="end the doubt after a lost state: nodes stay as they are, machines that come from now on are new",
        example="kboot node settle",
    )
    add_cluster(parser)
    parser = add_command(
        group,
        "drain",
        run_drain,
        summary="move a node's pods to others and place none there, before a reinstall or a repair",
        example="kboot node drain node1 --timeout 600",
    )
    add_timeout(parser, 300, "how long disruption budgets may hold it")
    _add_node(parser)
    parser = add_command(
        group,
        "uncordon",
        run_uncordon,
        summary="let pods be placed on a node again",
        example="kboot node uncordon node1",
    )
    _add_node(parser)
    parser = add_command(
        group,
        "apply",
        run_apply,
        summary="bring a running machine to the config in force, without a drain; `kboot upgrade` does that for all",
        example="kboot node apply node1 --identity ~/.ssh/id_ed25519",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="even if etcd loses its quorum meanwhile, or Kubernetes its last API server, or a rollout is under way",
    )
    add_login(parser)
    add_timeout(parser, 600, "how long it may take")
    _add_node(parser)
    register_declared(commands, group)


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    add_cluster(parser)


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the nodes."""
    from .status_text import node_table

    nodes = _server(arguments).nodes()
    print_listing(arguments, nodes, node_table(nodes, datetime.now(UTC)), (str(node["name"]) for node in nodes))
    return ExitCode.DONE


def run_show(arguments: argparse.Namespace) -> ExitCode:
    """Show one node."""
    from ..running.chosen import node_named
    from .node_show import node_lines
    from .printing import print_lines, window_width

    server, cluster = _server(arguments), _to_name(arguments)
    node = node_named(server.nodes(), arguments.name)
    node = server.get(f"/v1/nodes/{node['mac']}")  # with all of its updates, and what it told
    form = form_of(arguments)
    if form in ("", "wide"):
        print_lines(node_lines(node, datetime.now(UTC), window_width(), is_wide=form == "wide", cluster=cluster))
    else:
        print_value(arguments, node, [str(node["name"])])
    return ExitCode.DONE


def run_reinstall(arguments: argparse.Namespace) -> ExitCode:
    """Arm one node for an install; raise NotYet where that would do harm, unless forced."""
    from ..host.stamp import held
    from ..preflight.reinstall import objections
    from ..running.chosen import chosen_cluster, description_in_force, node_named
    from ..running.cloudconfig_client import CloudConfigClient

    folder = chosen_cluster(arguments.root, arguments.cluster)
    with held(folder):  # of two runs at once, each would count on the machine that the other arms
        desc = description_in_force(folder)
        server = CloudConfigClient(folder, desc)
        machines = server.nodes()
        node = node_named(machines, arguments.name)
        if node["armed"] and node["phase"] in ("installing", "configured"):
            said = f"{node['name']} is being installed already ({node['phase']})"
            print(f"{said}; a power cycle begins that install anew")
            return ExitCode.DONE
        _heed(objections(folder, desc, machines, node["mac"], datetime.now(UTC)), node["name"], arguments.force)
        server.post(f"/v1/nodes/{quote(node['mac'])}/arm{'?force=1' if arguments.force else ''}")
    if takes_pods(server.get("/v1/nodes"), node["name"]):
        note(f"note: {node['name']} is Ready and takes pods: `kboot node drain {node['name']}` moves them first")
    print(f"{node['name']} is armed: it installs itself at its next network boot - power-cycle it")
    return ExitCode.DONE


def _heed(found: list[Objection], name: str, is_forced: bool) -> None:
    """Raise NotYet with the objections to arming the machine `name`; only print them where the operator forces it."""
    if found and not is_forced:
        said = "; ".join(each.message for each in found)
        ways = "; ".join(each.hint for each in found)
        raise NotYet(f"{name} is not armed: {said}", f"{ways}; `--force` arms it all the same")
    for each in found:
        note(f"note: {each.message}")


def run_disarm(arguments: argparse.Namespace) -> ExitCode:
    """Disarm one node, so that its next network boot goes to its disk."""
    from ..running.chosen import node_named

    server = _server(arguments)
    node = node_named(server.nodes(), arguments.name)
    server.post(f"/v1/nodes/{quote(node['mac'])}/disarm")
    print(f"{node['name']} is disarmed: its next network boot goes to its disk")
    return ExitCode.DONE


def run_settle(arguments: argparse.Namespace) -> ExitCode:
    """End the doubt that a lost state of the cloud-config server left."""
    server = _server(arguments)
    if server.get("/v1/nodes").get("doubt") is None:
        print("nothing is in doubt")
        return ExitCode.DONE
    nodes = server.post("/v1/settle")["nodes"]
    disarmed = ", ".join(node["name"] for node in nodes if not node["armed"]) or "none"
    print(f"the doubt is ended; not armed: {disarmed}")
    note("note: a machine that was not seen since the loss is taken for a new one, and installed if it may be")
    return ExitCode.DONE


def run_drain(arguments: argparse.Namespace) -> ExitCode:
    """Cordon one node and move its pods to others."""
    from ..running.drain import drain

    with _kubectl(arguments) as (tool, name):
        drain(tool, name, arguments.timeout, note)
    print(told(f"{name} is drained; `kboot node uncordon {name}` lets pods come back"))
    return ExitCode.DONE


def run_uncordon(arguments: argparse.Namespace) -> ExitCode:
    """Let pods come back to one node."""
    from ..running.drain import uncordon

    with _kubectl(arguments) as (tool, name):
        uncordon(tool, name)
    print(f"{name} takes pods again")
    return ExitCode.DONE


def run_apply(arguments: argparse.Namespace) -> ExitCode:
    """Bring one running machine to the node config in force, without a drain."""
    from ..running.chosen import chosen_cluster
    from ..upgrade.single import apply_to

    folder = chosen_cluster(arguments.root, arguments.cluster)
    given = login(arguments)
    name, said = apply_to(folder, arguments.name, given, arguments.timeout, note, is_forced=arguments.force)
    for line in said:
        note(f"  {line}")
    print(f"{name} has the config in force" + ("" if said else " already"))
    return ExitCode.DONE


def takes_pods(answer: JsonObject, name: str) -> bool:
    """Return whether a node is Ready and not cordoned, by the cloud-config server's answer to `/v1/nodes`."""
    node = answer.get("kubernetes", {}).get("nodes", {}).get(name, {})
    return bool(node.get("ready")) and not node.get("cordoned")


@contextmanager
def _kubectl(arguments: argparse.Namespace) -> Iterator[tuple[Kubectl, str]]:
    """Yield kubectl for the chosen cluster, and the name of the node that the operator named, perhaps by its MAC."""
    from ..host.stamp import changed
    from ..running.chosen import chosen_cluster, description_in_force, node_named
    from ..running.cloudconfig_client import CloudConfigClient
    from ..running.kubectl import kubectl, kubectl_program
    from ..running.status import addresses_of

    folder = chosen_cluster(arguments.root, arguments.cluster)
    with changed(folder):  # kubectl's certificate is kept
        desc = description_in_force(folder)
        kubectl_program(folder, desc)  # raises where kubectl is missing, before any machine is asked
        nodes = CloudConfigClient(folder, desc).nodes()
        with kubectl(folder, desc, addresses_of(nodes), datetime.now(UTC)) as tool:
            yield tool, node_named(nodes, arguments.name)["name"]


def _server(arguments: argparse.Namespace) -> CloudConfigClient:
    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.cloudconfig_client import CloudConfigClient

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return CloudConfigClient(folder, description_in_force(folder))


def _to_name(arguments: argparse.Namespace) -> str | None:
    from ..running.chosen import chosen_cluster
    from ..running.pasted import cluster_to_name

    return cluster_to_name(chosen_cluster(arguments.root, arguments.cluster))
