"""`kboot support-bundle`: one archive with what a person who helps needs."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ExitCode
from .options import Commands, add_cluster, add_command, note


def register(commands: Commands) -> None:
    """Add `kboot support-bundle` to the command line."""
    parser = add_command(
        commands,
        "support-bundle",
        run_support_bundle,
        summary="write an archive for a person who helps: versions, config, states, events, logs; no secrets",
        example="kboot support-bundle -o ail.tar.gz",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="ARCHIVE", help="the file to write it to")
    add_cluster(parser)


def run_support_bundle(arguments: argparse.Namespace) -> ExitCode:
    """Write the archive; what could not be had is said, and stands in it with the reason."""
    from ..running.chosen import chosen_cluster, description_in_force
    from ..support.archive import write_archive

    folder = chosen_cluster(arguments.root, arguments.cluster)
    target = arguments.output.expanduser().absolute()
    missing = write_archive(folder, description_in_force(folder), target, datetime.now(UTC))
    if missing:
        note(f"note: could not be had, the archive says why: {', '.join(missing)}")
    note("note: it has names, addresses and logs of this site; keys, tokens and passwords are left out")
    print(arguments.output)
    return ExitCode.DONE
