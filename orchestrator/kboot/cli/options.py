"""Options and output that commands share."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, ExitCode
from ..host.told_commands import told
from .parser import help_of

if TYPE_CHECKING:
    from ..running.ssh import Login
    from .tables import Table

Command = Callable[[argparse.Namespace], ExitCode]
Commands = Any  # what ArgumentParser.add_subparsers returns; argparse has no public name for it

FORMS = ("wide", "json", "yaml", "name")
DEFAULT_ROOT = Path("/var/lib/kboot")


def add_command(commands: Commands, name: str, run: Command, *, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a command with its help, an example in it, and the options that every command has; return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:],
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show a traceback on a failure")
    parser.set_defaults(run=run)
    return parser


def add_group(commands: Commands, name: str, *, summary: str, example: str) -> Commands:
    """Add a command that has commands of its own; return what those are added to."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:],
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=help_of(parser))
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def default_root() -> Path:
    """Return the folder that clusters are kept in without `--root`: $KBOOT_ROOT or /var/lib/kboot."""
    named = os.environ.get("KBOOT_ROOT")
    return _absolute(named) if named else DEFAULT_ROOT


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add `--root`, by default $KBOOT_ROOT or /var/lib/kboot."""
    parser.add_argument(
        "--root",
        type=_absolute,
        default=default_root(),
        metavar="DIR",
        help="where clusters are kept (KBOOT_ROOT, else /var/lib/kboot)",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add `--root` and `--cluster`."""
    add_root(parser)
    parser.add_argument("--cluster", metavar="NAME", help="which cluster; default: the only one under the root")


def describe_by_file(parser: argparse.ArgumentParser, usual: Callable[[], Path] | None = None) -> None:
    """Have the `FILE` of a command taken for the description of its cluster; `usual` returns that of who names none."""
    parser.set_defaults(is_description=True, usual_file=usual)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_listing(parser: argparse.ArgumentParser) -> None:
    """Add `--json` and `-o`, for commands that list things."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "-o",
        "--output",
        choices=FORMS,
        metavar="FORM",
        help=f"one of {', '.join(FORMS)}; default: a table that fits the window",
    )


def add_login(parser: argparse.ArgumentParser) -> None:
    """Add `--identity` and `--trust-first-contact`, for commands that go to machines by ssh."""
    parser.add_argument(
        "--identity",
        type=_absolute,
        metavar="KEY",
        help="the private key of one of `ssh_authorized_keys`; default: what the ssh agent has",
    )
    parser.add_argument(
        "--trust-first-contact",
        action="store_true",
        help="go to machines that have not told their ssh host keys too, and believe whoever answers there",
    )


def login(arguments: argparse.Namespace) -> Login:
    """Return how to log in by ssh, as the options of `add_login` say."""
    from ..running.ssh import Login

    return Login(arguments.identity, arguments.trust_first_contact)


def add_timeout(parser: argparse.ArgumentParser, default_s: float, summary: str) -> None:
    """Add `--timeout`, in seconds."""
    parser.add_argument(
        "--timeout", type=float, default=default_s, metavar="SECONDS", help=f"{summary} ({default_s:.0f})"
    )


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_listing(arguments: argparse.Namespace, value: Any, table: Table, names: Iterable[str]) -> None:
    """Print what a command lists, in the form that the options of `add_listing` name.

    `value` is printed as JSON or YAML, `names` a line each.
    """
    if form_of(arguments) in ("", "wide"):
        from .printing import print_table

        print_table(table, wide=form_of(arguments) == "wide")
    else:
        print_value(arguments, value, names)


def form_of(arguments: argparse.Namespace) -> str:
    """Return the form that the options of `add_listing` name; "" where none does."""
    return "json" if arguments.json else arguments.output or ""


def print_value(arguments: argparse.Namespace, value: Any, names: Iterable[str]) -> None:
    """Print `value` as JSON or YAML, or only `names`, as the options of `add_listing` say."""
    form = form_of(arguments)
    if form == "json":
        print_json(value)
    elif form == "yaml":
        from kboot_clusterdesc.yaml_writer import dump_data

        print(dump_data(json.loads(json.dumps(value))), end="")  # `1e3` is a name, to readers of YAML 1.2 too
    else:
        for name in names:
            print(name)


def confirm() -> None:
    """Raise BadInput unless the operator, who has read what will be done, types `yes` on a terminal."""
    if not sys.stdin.isatty():
        raise BadInput("there is no terminal to ask on, and nothing was changed", "say `--yes` to go on unasked")
    print("Type `yes` to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise BadInput("that was no `yes`: nothing was changed")


def note(text: str) -> None:
    """Print a line for people on stderr, its commands completed."""
    print(told(text), file=sys.stderr, flush=True)


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()
