"""Completes a command that people are told: with its cluster, where the root holds more than the one that is meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..errors import KbootError
from ..host.told_commands import Complete

_SHELL = re.compile(r" +[|>;&]")  # where the shell goes on, behind the command


def completer(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Complete:
    """Return what completes a command for who typed `arguments`; a command that knows no `--cluster` is left alone."""
    others = cache(lambda: set(_kept(arguments.root)))  # until one is told, no file is read
    named = cache(lambda: _named(arguments))

    def complete(command: str) -> str:
        place = _place(parser, command)
        if place is None or (cluster := named()) is None or not others() - {cluster}:
            return command
        return f"{command[:place]} --cluster {cluster}{command[place:]}"

    return complete


def _named(arguments: argparse.Namespace) -> str | None:
    """Return which cluster the command line names, by `--cluster` or by a description; None where it names none."""
    if not hasattr(arguments, "is_description"):
        cluster: str | None = getattr(arguments, "cluster", None)
        return cluster
    from kboot_clusterdesc import InvalidDescription

    from ..running.chosen import description_at

    try:
        file: Path | None = arguments.file
        if file is None and arguments.usual_file is not None:
            file = arguments.usual_file()
        return description_at(file).cluster.name if file is not None else None
    except (InvalidDescription, KbootError, OSError):
        return None


def _kept(root: Path) -> list[str]:
    from ..host.state_folder import clusters

    return clusters(root)


def _place(parser: argparse.ArgumentParser, command: str) -> int | None:
    """Return where in a command `--cluster` belongs; None where it says that already, or does not know it."""
    end = found.start() if (found := _SHELL.search(command)) else len(command)
    words = command[:end].split(" ")
    depth, of_command = _parser_of(parser, words)
    if "--cluster" in words or "--cluster" not in of_command._option_string_actions:
        return None
    takes_the_rest = any(action.nargs == argparse.REMAINDER for action in of_command._actions)
    return len(" ".join(words[:depth])) if takes_the_rest else end


def _parser_of(parser: argparse.ArgumentParser, words: Sequence[str]) -> tuple[int, argparse.ArgumentParser]:
    """Return of how many words the name of a command is, `kboot` among them, and what parses the others."""
    depth = 1
    for word in words[1:]:
        groups = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        below = next((group.choices[word] for group in groups if word in group.choices), None)
        if below is None:
            break
        depth, parser = depth + 1, below
    return depth, parser
