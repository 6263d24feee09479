"""`kboot version` and `kboot --version`: print the version of kboot."""

from __future__ import annotations

import argparse
from importlib.metadata import version as version_of

from ..errors import ExitCode
from .options import Commands, add_command


def register(commands: Commands) -> None:
    """Add `kboot version` to the command line."""
    summary = "print the version of kboot and its commit"
    add_command(commands, "version", print_version, summary=summary, example="kboot version")


def version_line() -> str:
    """Return what kboot says of its version."""
    return f"kboot {version_of('kboot')}"


def print_version(arguments: argparse.Namespace) -> ExitCode:
    """Print the version of kboot, and the commit that it is of."""
    from ..service_images.revision import revision
    from ..service_images.sources import sources

    commit = revision(sources())
    print(version_line())
    if commit != "unknown":
        print(f"commit {commit}")
    return ExitCode.DONE
