"""`kboot logs`: what services say, or what a machine says: of its install while that runs, else its journal.

What a machine told of an install or units that failed is printed too: the machine itself may not be reached.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from typing import TYPE_CHECKING

from kboot_compose.service_names import SERVICE_NAMES

from ..errors import BadInput, EngineError, ExitCode, KbootError, NotYet
from .options import Commands, add_cluster, add_command, add_login, login, note

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterFolder

    from ..running.cloudconfig_client import CloudConfigClient, JsonObject

_LINES = 100
# A line as Compose prints it: whose it is where it is of all services, when the engine took it, what was said.
_WHO = r"(?P<who>(?:[^|]*\| (?:\x1b\[0m)?)??)"
_STAMPED = re.compile(_WHO + r"(?P<at>\d{4}-\d\d-\d\dT[\d:]{8})(?P<part>\.\d+)?Z (?P<said>.*)")
# What was said begins with a time: bare, as the first value of JSON, as `time="…"`, or as that of an access log.
_TIME = r"(?:\{\"\w+\": ?\"|\w+=\"?)?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d"
_OWN_TIME = re.compile(_TIME + r"|\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d")


def register(commands: Commands) -> None:
    """Add `kboot logs` to the command line."""
    parser = add_command(
        commands,
        "logs",
        run_logs,
        summary="print the log of services, or of a machine: its steps while it is installed, its journal afterwards, "
        "and what it told of what failed",
        example="kboot logs dnsmasq -f\n  kboot logs node1",
    )
    parser.add_argument(
        "name",
        nargs="?",
        metavar="SERVICE|NODE",
        help=f"one of {', '.join(SERVICE_NAMES)}, or a node; default: all services",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on as lines come, until interrupted")
    parser.add_argument("-n", "--lines", type=int, default=_LINES, metavar="N", help=f"how many lines ({_LINES})")
    add_login(parser)
    add_cluster(parser)


def run_logs(arguments: argparse.Namespace) -> ExitCode:
    """Print the log of services or of one machine."""
    from ..running.chosen import chosen_cluster

    if arguments.lines < 0:
        raise BadInput(f"--lines {arguments.lines}: cannot be", "say how many, such as `--lines 500`")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    if arguments.name is None or arguments.name in SERVICE_NAMES:
        return _of_services(folder, arguments)
    return _of_machine(folder, arguments)


def _of_services(folder: ClusterFolder, arguments: argparse.Namespace) -> ExitCode:
    from ..host.engine import INSTALL_CLIENT, Engine
    from .printing import painter
    from .tables import plain

    engine, name = Engine(folder), arguments.name
    there = {each.name for each in engine.services() if each.state != "missing"}
    if not (there & {name} if name else there):  # Compose would print nothing, and call that a success
        raise NotYet(
            f"{name} has no container, so it has no log" if name else "no service has a container, so there is no log",
            "`kboot status` says what is to run, `kboot up FILE` starts it",
        )
    ansi = "never" if painter() is plain else "always"
    words = ["docker", "compose", "--ansi", ansi, "-p", engine.project, "logs", "--timestamps"]
    words += ["--tail", str(arguments.lines), *(["--follow"] if arguments.follow else [])]
    words += ["--no-log-prefix", name] if name else []
    try:
        status = _print_said(words)
    except FileNotFoundError as error:
        raise EngineError("the command `docker` is not installed", INSTALL_CLIENT) from error
    if status != 0:
        raise KbootError("docker compose printed no log", "what it said stands above; `kboot status` says what runs")
    return ExitCode.DONE


def _print_said(words: list[str]) -> int:
    """Print what services said, as it comes, each line with one time; return the exit status of Compose."""
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(words, stdin=nothing, stdout=pipe, text=True, errors="backslashreplace") as compose:
        try:
            for line in compose.stdout or ():
                print(with_one_time(line.rstrip("\n")), flush=True)
        except BaseException:  # nobody reads on: Compose itself would notice at the next line only
            compose.kill()
            raise
    return compose.returncode


def with_one_time(line: str) -> str:
    """Return a line of Compose with the engine's time, to the millisecond; without it where the service said one."""
    found = _STAMPED.fullmatch(line)
    if found is None:
        return line
    if _OWN_TIME.match(found["said"]):
        return f"{found['who']}{found['said']}"
    return f"{found['who']}{found['at']}{(found['part'] or '.')[:4]:0<4}Z {found['said']}"


def _of_machine(folder: ClusterFolder, arguments: argparse.Namespace) -> ExitCode:
    from kboot_clusterdesc import Phase

    from ..running.chosen import description_in_force, node_named
    from ..running.cloudconfig_client import CloudConfigClient
    from ..running.ssh import remote

    server = CloudConfigClient(folder, description_in_force(folder))
    try:
        node = node_named(server.nodes(), arguments.name)
    except BadInput as error:
        services = ", ".join(SERVICE_NAMES)
        raise BadInput(
            f"`{arguments.name}` is no service and no node", f"{error.hint}; services: {services}"
        ) from error
    node = server.get(f"/v1/nodes/{node['mac']}")  # with the lines that it told
    if node["phase"] not in (Phase.RUNNING, Phase.READY):
        _print_steps(folder, server, node, arguments)
        return ExitCode.DONE
    _print_told(node, arguments.lines)
    journal = ["journalctl", "--boot", "--no-pager", f"--lines={arguments.lines}"]
    remote(folder, node, login(arguments)).show([*journal, *(["--follow"] if arguments.follow else [])])
    return ExitCode.DONE


def _print_steps(
    folder: ClusterFolder, server: CloudConfigClient, node: JsonObject, arguments: argparse.Namespace
) -> None:
    """Print what a machine told of its install, and was told: nothing else of it can be read yet."""
    from ..running.event_feed import events_so_far, followed_events
    from .events import event_line
    from .node_show import told_logs
    from .printing import painter

    paint, names = painter(), {str(node["mac"]): str(node["name"])}
    name = node["name"]
    where = f"`kboot lab console {name}`" if folder.lab.is_dir() else "its console"
    these = "its events, and what it told of what failed" if told_logs(node) else "its events"
    note(f"note: {name} is {node['phase']}: these are {these}; what else it says is on {where}")
    if arguments.follow:
        _print_told(node, arguments.lines)
        for event in followed_events(server, mac=node["mac"]):
            print(paint(event_line(event, names)), flush=True)
    events = events_so_far(server, mac=node["mac"], from_first=True)
    for event in events[max(0, len(events) - arguments.lines) :]:
        print(paint(event_line(event, names)))
    _print_told(node, arguments.lines)


def _print_told(node: JsonObject, most: int) -> None:
    """Print the last lines of each thing that failed on a machine, as it told them."""
    from .node_show import told_logs

    for title, lines in told_logs(node) if most else ():
        print(f"{title}:", *lines[-most:], sep="\n", flush=True)  # before what ssh prints
