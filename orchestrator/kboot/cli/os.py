"""`kboot os list | sync | use | verify | import`: the OS releases that machines are installed with and come to."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, ExitCode, KbootError
from . import os_rollout
from .options import Commands, add_cluster, add_command, add_group, add_listing, note, print_listing

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, ClusterFolder

    from ..host.engine import Engine
    from ..host.progress import Progress
    from ..supplies.updater_task import UpdaterAnswer
    from .tables import Table


def register(commands: Commands) -> None:
    """Add the `kboot os` commands to the command line."""
    group = add_group(
        commands,
        "os",
        summary="see the OS releases of a cluster, look for newer ones, choose one, bring one in",
        example="kboot os list\n  kboot os use 4230.2.3",
    )
    parser = add_command(
        group, "list", run_list, summary="list the releases in the store, the newest first", example="kboot os list"
    )
    add_listing(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "sync",
        run_sync,
        summary="look for the release that the description asks for now, also where the updater is switched off",
        example="kboot os sync",
    )
    add_cluster(parser)

    parser = add_command(
        group,
        "use",
        run_use,
        summary="put a release in force, an older one too, until the channel has a newer one than it has now",
        example="kboot os use 4230.2.3",
    )
    parser.add_argument("version", metavar="VERSION", help="the number of a release; fetched where it is not here")
    add_cluster(parser)

    parser = add_command(
        group,
        "verify",
        run_verify,
        summary="verify every file of the store again; exit code 1 when one is damaged, which then is served no more",
        example="kboot os verify",
    )
    add_cluster(parser)

    parser = add_command(
        group,
        "import",
        run_import,
        summary="bring a release and its update payload from a folder; it is verified before it is in force",
        example="kboot os import /media/usb/4230.2.3",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the files of one release, each with its .sig")
    add_cluster(parser)
    os_rollout.register(group)


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the releases in the store."""
    from ..supplies.mirrored_releases import mirrored_releases

    value = mirrored_releases(*_cluster(arguments))
    print_listing(arguments, value, _table(value), (each["version"] for each in value["releases"]))
    for key in ("error", "remark", "payload_error"):
        if value[key]:
            note(str(value[key]))
    if not value["releases"]:
        note("no release is here\n  hint: `kboot os sync` looks for one, `kboot os import DIR` brings one")
    return ExitCode.DONE


def _table(value: dict[str, Any]) -> Table:
    from .ages import age
    from .tables import Cell, Column, Span, Table

    now = datetime.now(UTC)
    columns = [Column(title) for title in ("RELEASE", "STATE", "UPDATE", "SIZE", "AGE")]
    rows: list[list[Cell]] = []
    for each in value["releases"]:
        state = "verified" if each["verified"] else "not verified" if each["complete"] else "not whole"
        is_current = each["version"] == value["current"]
        rows.append(
            [
                each["version"],
                Span(f"{state}, in force", "green") if is_current and each["verified"] else state,
                "yes" if each["payload"] else "no",
                f"{each['bytes'] // 10**6} MB",
                age(each["since"], now),
            ]
        )
    return Table(columns, rows)


def run_sync(arguments: argparse.Namespace) -> ExitCode:
    """Look for the wanted release now."""
    answer = _ask(*_cluster(arguments), "check")
    return _end(answer, "read what `kboot os list` says, or bring a release: `kboot os import DIR`")


def run_use(arguments: argparse.Namespace) -> ExitCode:
    """Put a release in force."""
    from ..supplies.release_import import refuse_unread

    _refuse_no_number(arguments.version)
    folder, desc = _cluster(arguments)
    refuse_unread(desc, arguments.version)
    answer = _ask(folder, desc, "use", arguments.version)
    return _end(answer, "`kboot os list` shows the releases that are here")


def run_verify(arguments: argparse.Namespace) -> ExitCode:
    """Verify the store."""
    answer = _ask(*_cluster(arguments), "verify")
    print("\n".join(answer.lines))
    if answer.code != 0:
        note("hint: `kboot os sync` brings anew what is damaged")
    return ExitCode.DONE if answer.code == 0 else ExitCode.FAILED


def run_import(arguments: argparse.Namespace) -> ExitCode:
    """Bring a release from a folder."""
    from ..host.engine import Engine
    from ..host.progress import Progress
    from ..host.stamp import changed
    from ..supplies.release_import import import_release, remove_refused
    from ..supplies.vouching import updater_vouches

    folder, desc = _cluster(arguments)
    if not arguments.folder.is_dir():
        raise BadInput(f"{arguments.folder}: is no folder", "name the folder that holds the files of a release")
    progress, engine = Progress(), Engine(folder)
    vouch = updater_vouches(engine, desc, _updater_image(engine, desc, progress), progress)
    with changed(folder):
        version = import_release(folder, desc, arguments.folder, vouch, progress)
    answer = _ask(folder, desc, "take", version)
    if answer.code != 0:
        remove_refused(folder, desc, version)
    return _end(answer, "get the files again from where they are released; `os.release_key` names another key")


def _cluster(arguments: argparse.Namespace) -> tuple[ClusterFolder, ClusterDesc]:
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return folder, description_in_force(folder)


def _ask(folder: ClusterFolder, desc: ClusterDesc, *command: str) -> UpdaterAnswer:
    """Have the updater do something now."""
    from ..host.engine import Engine
    from ..host.progress import Progress
    from ..supplies.updater_task import run_updater

    progress, engine = Progress(), Engine(folder)
    return run_updater(engine, desc, _updater_image(engine, desc, progress), command, progress)


def _updater_image(engine: Engine, desc: ClusterDesc, progress: Progress) -> str:
    """Return the image of the updater: that of the service, else the one of this kboot."""
    from ..service_images.provide import ensure_images
    from ..service_images.sources import sources
    from ..supplies.updater_task import updater_image

    return updater_image(engine) or ensure_images(sources(), progress, desc.service_images_from)["updater"]


def _end(answer: UpdaterAnswer, hint: str) -> ExitCode:
    if answer.code != 0:
        raise KbootError(answer.lines[-1] if answer.lines else "the updater ended without a word", hint)
    print("\n".join(answer.lines))
    return ExitCode.DONE


def _refuse_no_number(version: str) -> None:
    from kboot_clusterdesc.os_release import release_number

    try:
        is_number = len(release_number(version)) == 3
    except ValueError:
        is_number = False
    if not is_number:
        raise BadInput(f"`{version}` is no number of a release", "name one such as 4230.2.3: `kboot os list` has them")
