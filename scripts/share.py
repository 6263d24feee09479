"""Write share/ from the code, for `make docs`: completion for each shell, and the man page."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from kboot.cli.completion import COMPLETION
from kboot.cli.main import build_parser

FOLDER = Path(__file__).resolve().parents[1]
_FILES = ("FILE", "ARCHIVE", "BUNDLE", "HARDWARE", "KUBECONFIG", "SNAPSHOT")
_PATHS = {  # what the metavar of an argument means that is a path
    **dict.fromkeys(("DIR", "FOLDER"), shtab.DIRECTORY),
    **dict.fromkeys((*_FILES, "BINARY|FOLDER", "OLD", "NEW", "KEY", "PUB"), shtab.FILE),
}
_NAMES = {  # what is asked for by a command, quietly: without a cluster, or without root, nothing is offered
    "NAME": "kboot node list -o name 2>/dev/null",
    "NODE": "kboot node list -o name 2>/dev/null",
    "SERVICE|NODE": "kboot node list -o name 2>/dev/null",
}
_LAB = "kboot lab ps -o name 2>/dev/null"
_SECTIONS = {
    "examples": "kboot init > cluster.yaml\n.br\nkboot up cluster.yaml\n.br\nkboot watch",
    "exit status": (
        "0 done, 1 failed, 2 bad input or usage, 3 not in the wanted state yet, 130 interrupted. "
        "An error is one paragraph on the standard error, with a hint of what to do."
    ),
    "environment": (
        ".TP\n.B KBOOT_ROOT\nwhere clusters are kept, in place of /var/lib/kboot\n"
        ".TP\n.B KBOOT_CACHE\nwhere builds keep what is slow to make, in place of ~/.cache/kboot"
    ),
    "files": ".TP\n.I /var/lib/kboot/<cluster>/\nall of a cluster: its keys, states, images and rendered files",
    "see also": ".BR docker (1)",
}


def files() -> dict[str, str]:
    """Return the text of each file by its path in the repository, as the code has it now."""
    made = {f"share/{path}": shtab.complete(completed(build_parser()), shell) for shell, path in COMPLETION.items()}
    return {**made, "share/man/man1/kboot.1": man_page()}


def completed(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser with a word at each argument that is a path or a machine, which shells complete."""
    for each in _with_subcommands(parser):
        for action in each._actions:
            if action.type is not None and action.metavar in _PATHS:
                setattr(action, "complete", _PATHS[str(action.metavar)])  # noqa: B010 - shtab's own
            elif _is_of_node(each, action):
                asked = _LAB if each.prog.startswith("kboot lab ") else _NAMES[str(action.metavar)]
                setattr(action, "complete", shtab.cmd(asked))  # noqa: B010 - shtab's own
    return parser


def _is_of_node(parser: argparse.ArgumentParser, action: argparse.Action) -> bool:
    """Return whether an argument is the name of a machine, which only a running cluster knows."""
    words = parser.prog.split()
    is_asked = "node" in words or "lab" in words or "logs" in words or action.dest == "node"
    return action.metavar in _NAMES and is_asked and action.dest in ("name", "node") and words[-1] != "declare"


def man_page() -> str:
    """Return the man page: each command with its usage, its options and its example."""
    os.environ["COLUMNS"] = "1000"  # a usage stands in one line, however wide the terminal
    parser = build_parser()
    for each in _with_subcommands(parser):
        each.description, each.epilog = each.epilog, None  # the page has the summary of a command already
    parser.description = "From one cluster description to machines that install themselves."
    page = Manpage(parser, format="single-commands-section")
    page.description = "turn one machine and a description into a rack of machines that install themselves"
    page.date, page.manual = "", "kboot"
    for heading, text in _SECTIONS.items():
        page.add_section(heading, "=", text)
    return str(page)


def _with_subcommands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _with_subcommands(child)


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text)
