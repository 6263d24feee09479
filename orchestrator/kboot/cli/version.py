"""`kboot version`: print the version of kboot."""

from __future__ import annotations

import argparse
from importlib.metadata import version as version_of

from ..errors import ExitCode
from .options import Commands, add_command


def register(commands: Commands) -> None:
    """Add `kboot version` to the command line."""
    add_command(commands, "version", print_version, summary="print the version of kboot", example="kboot version")


def print_version(arguments: argparse.Namespace) -> ExitCode:
    """Print the version of kboot."""
    print(f"kboot {version_of('kboot')}")
    return ExitCode.DONE
