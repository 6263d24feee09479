"""`kboot version` and `kboot --version`: print the version of kboot."""

from __future__ import annotations

import argparse
from importlib.metadata import version as version_of

from ..errors import ExitCode
from .options import Commands, add_command


def register(commands: Commands) -> None:
    """Add `kboot version` to the command line."""
    add_command(commands, "version", print_version, summary="print the version of kboot", example="kboot version")


def version_line() -> str:
    """Return what kboot says of its version."""
    return f"kboot {version_of('kboot')}"


def print_version(arguments: argparse.Namespace) -> ExitCode:
    """Print the version of kboot."""
    print(version_line())
    return ExitCode.DONE
