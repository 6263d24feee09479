"""`kboot os rollout start | pause | resume | status`: an OS release comes to the machines that run."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from .options import Commands, add_cluster, add_command, add_group, add_json, print_json

if TYPE_CHECKING:
    from ..running.cloudconfig_client import CloudConfigClient, JsonObject

_STYLES = {"failed": "bold red", "done": "green", "waiting": "dim"}


def register(group: Commands) -> None:
    """Add `kboot os rollout` to the commands of `kboot os`."""
    rollout = add_group(
        group,
        "rollout",
        summary="bring running machines to the OS release in force, one after the other",
        example="kboot os rollout status",
    )
    parser = add_command(
        rollout,
        "start",
        run_start,
        summary="begin with the release in force and a canary of its own; a rollout begins by itself as well",
        example="kboot os rollout start 4230.2.3 --max-parallel 2",
    )
    parser.add_argument(
        "version",
        metavar="VERSION",
        nargs="?",
        help="the release that is meant: refused where another one is in force by now; default: that in force",
    )
    parser.add_argument("--any-time", action="store_true", help="also outside of os.update.window")
    _add_max_parallel(parser)
    _add_common(parser)
    parser = add_command(
        rollout,
        "pause",
        run_pause,
        summary="let no further machine begin, until `resume`; who was told to reboot ends that",
        example="kboot os rollout pause",
    )
    _add_common(parser)
    parser = add_command(
        rollout,
        "resume",
        run_resume,
        summary="go on after a pause or a halt; named machines may try the release again they failed with",
        example="kboot os rollout resume node3",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="a machine that failed, by its name or MAC")
    _add_max_parallel(parser)
    _add_common(parser)
    parser = add_command(
        rollout,
        "status",
        run_status,
        summary="show how far it is: which machine runs which release, what it waits for, why it halted",
        example="kboot os rollout status --json",
    )
    _add_common(parser)


def _add_max_parallel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-parallel",
        type=int,
        metavar="N",
        help="how many workers at once, for this rollout (os.update.max_parallel); all others go one by one",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_cluster(parser)


def run_start(arguments: argparse.Namespace) -> ExitCode:
    """Begin a rollout of the release in force."""
    _check(arguments)
    body = {
        "max_parallel": arguments.max_parallel,
        "release": arguments.version,
        "any_time": arguments.any_time,
    }
    return _print(arguments, _server(arguments).post("/v1/rollout/start", body), _to_name(arguments))


def run_pause(arguments: argparse.Namespace) -> ExitCode:
    """Let no further machine begin."""
    return _print(arguments, _server(arguments).post("/v1/rollout/pause"), _to_name(arguments))


def run_resume(arguments: argparse.Namespace) -> ExitCode:
    """Let a rollout go on that pauses or halted."""
    from ..running.chosen import node_named

    _check(arguments)
    server = _server(arguments)
    again = []
    if arguments.names:
        nodes = server.nodes()
        again = [node_named(nodes, name)["mac"] for name in arguments.names]
    body = {"max_parallel": arguments.max_parallel, "again": again}
    return _print(arguments, server.post("/v1/rollout/resume", body), _to_name(arguments))


def run_status(arguments: argparse.Namespace) -> ExitCode:
    """Show how far the rollout is."""
    return _print(arguments, _server(arguments).get("/v1/rollout"), _to_name(arguments))


def _check(arguments: argparse.Namespace) -> None:
    most = arguments.max_parallel
    if most is not None and not 1 <= most <= 100:
        raise BadInput(
            f"--max-parallel {most}: 1 to 100 machines may be down at once", "say `--max-parallel 1`, or more"
        )


def _print(arguments: argparse.Namespace, rollout: JsonObject, cluster: str | None = None) -> ExitCode:
    from ..running.advice import rollout_commands
    from ..running.pasted import pasted
    from ..running.status import rollout_in_words
    from .ages import age
    from .printing import print_lines, print_table, window_width
    from .tables import Column, Span, Table, Way, folded_line

    if arguments.json:
        print_json(rollout)
        return ExitCode.DONE
    print_lines(folded_line((Span(rollout_in_words(rollout)),), window_width()))
    now = datetime.now(UTC)
    rows = [
        (
            machine["name"],
            Span(machine["stage"], _STYLES.get(machine["stage"], "")),
            machine["version"] or "-",
            age(machine["since"] or machine["booted"], now),
            machine["reason"] or (f"failed with {machine['refused']}" if machine["refused"] else ""),
        )
        for machine in rollout["machines"]
    ]
    columns = (Column("NODE"), Column("STAGE"), Column("RELEASE"), Column("AGE", spare=1), Column("REASON", Way.FOLD))
    print_table(Table(columns, rows))
    if commands := [pasted(command, cluster) for command in rollout_commands(rollout)]:
        without, *again = commands
        others = ", without those that failed" if again else ""
        said = f"next: `{without}` goes on{others}" + "".join(f"; `{each}` has them try it again" for each in again)
        print_lines(folded_line((Span(said),), window_width()))
    return ExitCode.NOT_YET if rollout["state"] == "halted" else ExitCode.DONE


def _server(arguments: argparse.Namespace) -> CloudConfigClient:
    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.cloudconfig_client import CloudConfigClient

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return CloudConfigClient(folder, description_in_force(folder))


def _to_name(arguments: argparse.Namespace) -> str | None:
    from ..running.chosen import chosen_cluster
    from ..running.pasted import cluster_to_name

    return cluster_to_name(chosen_cluster(arguments.root, arguments.cluster))
