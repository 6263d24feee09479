"""`kboot status | watch`: what is wrong in a cluster, its machines and services, once or as they change."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..host.progress import Progress
from ..host.waiting import looks
from .options import Commands, add_cluster, add_command, add_json, add_listing, form_of, note, print_value

if TYPE_CHECKING:
    from ..running.cloudconfig_client import JsonObject
    from ..running.status import Status

_WATCH_EVERY_S = 2.0


def register(commands: Commands) -> None:
    """Add `kboot status` and `kboot watch` to the command line."""
    parser = add_command(
        commands,
        "status",
        run_status,
        summary="show what is wrong, machines and services; exit code 3 when a service is down or the state was lost",
        example="kboot status --json",
    )
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        commands,
        "watch",
        run_watch,
        summary="show services and machines as they change",
        example="kboot watch",
    )
    add_json(parser)
    add_cluster(parser)


def run_status(arguments: argparse.Namespace) -> ExitCode:
    """Print what is wrong, and the cluster's services, machines and health as they are now."""
    from ..running.chosen import chosen_cluster
    from ..running.status import read_status, with_health

    folder = chosen_cluster(arguments.root, arguments.cluster)
    status = with_health(folder, read_status(folder))
    if form_of(arguments) in ("", "wide"):
        _print_status(status, is_wide=form_of(arguments) == "wide")
    else:
        print_value(arguments, status.as_json(), (str(node["name"]) for node in status.nodes))
    if status.down:
        way = "`kboot start` starts what is down; `kboot up FILE` makes anew what does not start"
        note(f"down: {', '.join(status.down)}\n  hint: {way}")
        return ExitCode.NOT_YET
    return ExitCode.NOT_YET if status.doubt else ExitCode.DONE


def run_watch(arguments: argparse.Namespace) -> ExitCode:
    """Print the cluster's status again and again until interrupted."""
    from ..host.engine import Engine
    from ..running.chosen import chosen_cluster
    from ..running.status import read_status, with_health
    from .status_text import status_lines

    folder = chosen_cluster(arguments.root, arguments.cluster)
    engine = Engine(folder)
    # stdout, not stderr: the progress is what this command prints, on a pipe too
    progress = Progress(sys.stdout)
    try:
        for _ in looks(float("inf"), _WATCH_EVERY_S):
            status = with_health(folder, read_status(folder, engine))
            if arguments.json:
                print(json.dumps(status.as_json(), ensure_ascii=False), flush=True)
            elif progress.is_live:
                now = datetime.now(UTC)
                progress.block(lambda width, height: status_lines(status, now, width, height))  # noqa: B023 - drawn now
            else:
                _say_changes(progress, status)
    finally:
        progress.clear()
    return ExitCode.DONE


def _print_status(status: Status, *, is_wide: bool) -> None:
    from .printing import print_lines, window_height, window_width
    from .status_text import status_lines

    lines = status_lines(status, datetime.now(UTC), window_width(), most=window_height(), is_wide=is_wide)
    print_lines(lines)


def _say_changes(progress: Progress, status: Status) -> None:
    """Say a line for each thing whose state is another than when it was last said."""
    from ..running.status import doubt_in_words

    for service in status.services:
        tells = service.state == "running" and service.health != "none"
        progress.state(service.name, service.health if tells else service.state)
    for node in status.nodes:
        progress.state(node["name"], _progress_of(node))
    for part, words in status.health.in_words().items():
        progress.state(part, words)
    if status.doubt:
        progress.state("state", doubt_in_words(status.doubt))


def _progress_of(node: JsonObject) -> str:
    from .status_text import wrong_with

    return f"{node['phase']} {wrong_with(node)}".rstrip()
