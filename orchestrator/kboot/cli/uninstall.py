"""`kboot uninstall`: everything that kboot made on this machine is taken away."""

from __future__ import annotations

import argparse

from ..errors import ExitCode, NotYet
from .options import Commands, add_command, add_root, confirm, note

_STAYS = "the Docker engine stays, with the packages and the Compose that were installed for it, and the program itself"


def register(commands: Commands) -> None:
    """Add `kboot uninstall` to the command line."""
    parser = add_command(
        commands,
        "uninstall",
        run_uninstall,
        summary="take away all that kboot made here: services, clusters' folders, units, images, cache; lists it first",
        example="kboot uninstall",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    parser.add_argument(
        "--destroy-clusters",
        action="store_true",
        help="also the keys of clusters whose machines were installed: nobody can manage these any more",
    )
    add_root(parser)


def run_uninstall(arguments: argparse.Namespace) -> ExitCode:
    """List what kboot made here, ask, and take it away."""
    from ..uninstall.inventory import take_inventory
    from ..uninstall.program import removal
    from ..uninstall.remove import refuse_harm, remove_all

    found = take_inventory(arguments.root)
    if not found.is_empty:
        note("this goes:")
        for line in found.lines():
            note(f"  {line}")
        refuse_harm(found, destroys_clusters=arguments.destroy_clusters)
        if not arguments.yes:
            confirm()
        if not remove_all(found, note):
            raise NotYet("not all of it is gone", "see what stays above, then run this again")
    print("nothing that kboot made is left on this machine")
    note(_STAYS)
    note(f"next: to remove the program, {removal()}")
    return ExitCode.DONE
