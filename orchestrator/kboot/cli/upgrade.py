"""`kboot upgrade`: bring running machines to the version and node configs in force, one after the other."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from ..host.end_signals import END_SIGNALS, heard
from ..host.progress import Progress
from .options import Commands, add_cluster, add_command, add_json, add_login, add_timeout, login, note, print_json

if TYPE_CHECKING:
    from ..upgrade.plan import Plan


def register(commands: Commands) -> None:
    """Add `kboot upgrade` to the command line."""
    parser = add_command(
        commands,
        "upgrade",
        run_upgrade,
        summary="bring running nodes to the version and configs in force: control planes one by one, then the others",
        example="kboot up cluster.yaml && kboot upgrade --batch 3",
    )
    parser.add_argument(
        "--batch", type=int, default=1, metavar="N", help="how many workers at once (1); all others go one by one"
    )
    parser.add_argument(
        "--os", action="store_true", help="bring machines to the OS release in force too, each in the same drain"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and what is in the way")
    add_timeout(parser, 600, "how long a step may take on one node")
    add_login(parser)
    add_json(parser)
    add_cluster(parser)


def run_upgrade(arguments: argparse.Namespace) -> ExitCode:
    """Bring the running nodes to the version and node configs in force; with `--dry-run` only print the plan."""
    from ..running.chosen import chosen_cluster
    from ..upgrade.run import Options, upgrade

    if arguments.batch < 1:
        raise BadInput(f"--batch {arguments.batch}: a batch has a node at least", "say `--batch 1`, or more")
    folder = chosen_cluster(arguments.root, arguments.cluster)
    options = Options(arguments.batch, arguments.dry_run, login(arguments), arguments.timeout, arguments.os)
    with _stop_on_interrupt() as stop:
        plan, upgraded = upgrade(folder, options, datetime.now(UTC), Progress(), stop)
    if arguments.json:
        print_json({**plan.as_json(), "upgraded": upgraded})
    else:
        for line in plan_lines(plan) if arguments.dry_run else _outcome_lines(plan, upgraded):
            print(line)
    return ExitCode.NOT_YET if plan.blocked else ExitCode.DONE


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan as the lines that `kboot upgrade --dry-run` prints."""
    if not plan.batches:
        return _outcome_lines(plan, [])
    lines = [f"to {plan.version}, one line after the other:"]
    lines += [f"  {', '.join(work.name for work in batch)}" for batch in plan.batches]
    if plan.done:
        lines.append(f"done already: {', '.join(plan.done)}")
    return [*lines, *_left_out(plan), *(f"in the way: {reason}" for reason in plan.blocked)]


def _outcome_lines(plan: Plan, upgraded: list[str]) -> list[str]:
    did = f"upgraded: {', '.join(upgraded)}; " if upgraded else "nothing to do: "
    return [f"{did}every declared node has {plan.version} and its config", *_left_out(plan)]


def _left_out(plan: Plan) -> list[str]:
    return [f"not installed yet, left out: {', '.join(plan.left_out)}"] if plan.left_out else []


@contextmanager
def _stop_on_interrupt() -> Iterator[Event]:
    """Yield an event that Ctrl-C and what else ends a process set, so that a step is not cut in two."""
    stop = Event()

    def ask(_: int) -> None:
        stop.set()
        note("stopping after the step under way")

    with heard((signal.SIGINT, *END_SIGNALS), ask):
        yield stop
