"""`kboot lab up | down | ps | console | ssh | power | add | remove | release | kubectl | exec`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kboot.cli.options import (
    Command,
    Commands,
    add_cluster,
    add_command,
    add_group,
    add_listing,
    add_root,
    describe_by_file,
)
from kboot.errors import ExitCode
from kboot.service_images.sources import sources

from .hardware_options import add_hardware_options


def register(commands: Commands) -> None:
    """Add the commands of `kboot lab`."""
    group = add_group(
        commands,
        "lab",
        summary="run a whole cluster of virtual machines on this machine",
        example="kboot lab up",
    )
    parser = add_command(
        group, "up", _later("run_up"), summary="bring a lab up, machines too", example="kboot lab up examples/lab.yaml"
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the cluster description (`lab.yaml` of kboot's examples)"
    )
    describe_by_file(parser, _usual_file)
    parser.add_argument("--nodes", type=int, metavar="N", help="so many nodes instead of those declared")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long to wait for machines (1800; 3600 for Kubernetes)"
    )
    parser.add_argument(
        "--hardware", type=Path, metavar="HARDWARE", help="YAML: nodes whose machines have other hardware"
    )
    add_root(parser)

    parser = add_command(
        group, "down", _later("run_down"), summary="take a lab down and leave nothing", example="kboot lab down"
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--keep-cache", action="store_true", default=True, help="keep built images and the lab OS (default)"
    )
    kept.add_argument("--purge", action="store_true", help="drop the cache too")
    add_cluster(parser)

    parser = add_command(
        group, "ps", _later("run_ps"), summary="list the lab's machines", example="kboot lab ps --json"
    )
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        group, "console", _later("run_console"), summary="print a machine's console", example="kboot lab console node1"
    )
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    add_cluster(parser)

    parser = add_command(
        group, "ssh", _later("run_ssh"), summary="run a command on a machine", example="kboot lab ssh node1 -- uname -r"
    )
    add_cluster(parser)
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="default: a shell")

    parser = add_command(
        group, "power", _later("run_power"), summary="switch a machine", example="kboot lab power node1 cycle"
    )
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    parser.add_argument("way", choices=("on", "off", "cycle"))
    add_cluster(parser)

    parser = add_command(
        group,
        "add",
        _later("run_add"),
        summary="add an undeclared machine",
        example="kboot lab add --mac 52:54:00:0a:0e:09",
    )
    parser.add_argument("--mac", required=True, metavar="MAC")
    add_hardware_options(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "release",
        _later("run_release"),
        summary="publish another release of the lab OS",
        example="kboot lab release 3975.2.1",
    )
    parser.add_argument("version", metavar="VERSION", help="its number; it becomes the newest of its channel")
    parser.add_argument(
        "--broken",
        nargs="?",
        const="panics",
        choices=("panics", "hangs"),
        help="a system that does not come up where it is installed: its kernel panics (default), or nothing happens",
    )
    add_cluster(parser)

    parser = add_command(
        group,
        "remove",
        _later("run_remove"),
        summary="take a machine that is not declared out of the lab, with its disks",
        example="kboot lab remove 52-54-00-0a-0e-09",
    )
    parser.add_argument("name", metavar="NAME", help="its name or MAC")
    add_cluster(parser)

    parser = add_command(
        group,
        "kubectl",
        _later("run_kubectl"),
        summary="run kubectl as the administrator of the lab's Kubernetes",
        example="kboot lab kubectl -- get nodes,pods -A",
    )
    add_cluster(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- ARGUMENT")

    parser = add_command(
        group,
        "exec",
        _later("run_exec"),
        summary="run a command beside the services",
        example="kboot lab exec dig @10.10.14.253 node1",
    )
    add_cluster(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")


def _usual_file() -> Path:
    return sources() / "examples" / "lab.yaml"


def _later(name: str) -> Command:
    """Return the command `name` of commands.py, which is loaded when it runs."""

    def run(arguments: argparse.Namespace) -> ExitCode:
        from . import commands

        command: Command = getattr(commands, name)
        return command(arguments)

    return run
