"""`kboot assets add | pull | list | verify`: the binaries that nodes fetch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from ..host.progress import Progress
from ..supplies.release_urls import CNI_URL, CNI_VERSION, KUBERNETES_URL
from .options import (
    Commands,
    add_cluster,
    add_command,
    add_group,
    add_listing,
    form_of,
    note,
    print_listing,
    print_value,
)

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, ClusterFolder

    from ..supplies.assets import Asset
    from .tables import Table


def register(commands: Commands) -> None:
    """Add the `kboot assets` commands to the command line."""
    group = add_group(
        commands,
        "assets",
        summary="see and fill the folder of binaries that nodes fetch: kubelet, kubectl, CNI plugins",
        example="kboot assets list",
    )
    parser = add_command(
        group,
        "add",
        run_add,
        summary="bring binaries from files or folders",
        example="kboot assets add kubelet kubectl --version v1.36.2\n  kboot assets add /media/usb/v1.36.2",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="BINARY|FOLDER", help="a binary, or a folder that holds some"
    )
    _add_version(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "pull",
        run_pull,
        summary="download the released binaries that are missing",
        example="kboot assets pull",
    )
    _add_version(parser)
    parser.add_argument(
        "--from",
        dest="kubernetes_url",
        default=KUBERNETES_URL,
        metavar="URL",
        help=f"serves /VERSION/bin/linux/ARCH/NAME and NAME.sha256 ({KUBERNETES_URL})",
    )
    parser.add_argument(
        "--cni-from",
        dest="cni_url",
        default=CNI_URL,
        metavar="URL",
        help=f"serves /{CNI_VERSION}/cni-plugins-linux-ARCH-{CNI_VERSION}.tgz and its .sha256 ({CNI_URL})",
    )
    add_cluster(parser)

    for name, run, summary in (
        ("list", run_list, "list what is there and what is missing; exit code 3 when something is missing"),
        ("verify", run_verify, "take each hash anew; exit code 1 when a binary is wrong, 3 when one is missing"),
    ):
        parser = add_command(group, name, run, summary=summary, example=f"kboot assets {name}")
        add_listing(parser)
        add_cluster(parser)


def run_add(arguments: argparse.Namespace) -> ExitCode:
    """Copy binaries from files or folders into the cluster's assets folder."""
    from ..host.stamp import changed
    from ..supplies.assets import KUBERNETES_BINARIES, add_assets, asset_files

    folder, desc = _cluster(arguments)
    files = asset_files(arguments.paths)
    version = "" if set(files).isdisjoint(KUBERNETES_BINARIES) else _version(arguments, desc)
    with changed(folder):
        _print_added(folder, add_assets(folder, files, version, arch=desc.os.arch))
    return ExitCode.DONE


def run_pull(arguments: argparse.Namespace) -> ExitCode:
    """Download the released binaries that the assets folder lacks."""
    from ..host.stamp import changed
    from ..supplies.asset_releases import pull_assets

    folder, desc = _cluster(arguments)
    with changed(folder):
        added = pull_assets(
            folder,
            _version(arguments, desc),
            desc.os.arch,
            Progress(),
            kubernetes_url=arguments.kubernetes_url,
            cni_url=arguments.cni_url,
            proxy=desc.network.proxy,
        )
    _print_added(folder, added)
    if not added:
        note("every binary is there already")
    return ExitCode.DONE


def run_list(arguments: argparse.Namespace) -> ExitCode:
    """List the binaries that are needed or there, with their standing."""
    from ..supplies.assets import list_assets

    found = list_assets(*_cluster(arguments))
    print_listing(arguments, _as_json(found), _table(found), (each.path for each in found))
    return _code(found)


def run_verify(arguments: argparse.Namespace) -> ExitCode:
    """Hash each binary anew, and print those that are missing or wrong."""
    from ..supplies.assets import verify_assets
    from ..supplies.standing import Standing

    found = verify_assets(*_cluster(arguments))
    bad = [each for each in found if each.standing is not Standing.OK]
    if form_of(arguments) in ("", "wide"):
        for each in bad:
            print(f"{each.standing:<8} {each.path}" + (f": {each.fault}" if each.fault else ""))
    else:
        print_value(arguments, _as_json(found), (each.path for each in bad))
    note(f"{len(found) - len(bad)} of {len(found)} binaries are there and whole")
    return _code(found)


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", metavar="VERSION", help="of kubelet and kubectl; default: that of the description")


def _version(arguments: argparse.Namespace, desc: ClusterDesc) -> str:
    if arguments.version:
        return str(arguments.version)
    if desc.kubernetes is None:
        raise BadInput("the description has no `kubernetes`", "say which release: `--version v1.36.2`")
    return desc.kubernetes.version


def _cluster(arguments: argparse.Namespace) -> tuple[ClusterFolder, ClusterDesc]:
    from ..running.chosen import chosen_cluster, description_in_force

    folder = chosen_cluster(arguments.root, arguments.cluster)
    return folder, description_in_force(folder)


def _print_added(folder: ClusterFolder, added: Sequence[Asset]) -> None:
    for each in added:
        print(f"{folder.assets / each.path} {each.sha256}")


def _as_json(found: Sequence[Asset]) -> list[dict[str, object]]:
    return [
        {
            "path": each.path,
            "standing": each.standing,
            "size": each.size_bytes,
            "sha256": each.sha256 or None,
            "fault": each.fault or None,
        }
        for each in found
    ]


def _table(found: Sequence[Asset]) -> Table:
    from ..supplies.standing import Standing
    from .tables import Cell, Column, Span, Table, Way

    columns = (
        Column("BINARY", Way.MIDDLE, least=30),
        Column("BYTES"),
        Column("STANDING"),
        Column("SHA-256", Way.MIDDLE, spare=1),
    )
    styles = {Standing.MISSING: "yellow", Standing.WRONG: "bold red"}
    rows: list[list[Cell]] = [
        [each.path, str(each.size_bytes), Span(each.standing, styles.get(each.standing, "")), each.sha256 or "-"]
        for each in found
    ]
    return Table(columns, rows)


def _code(found: Sequence[Asset]) -> ExitCode:
    from ..supplies.standing import Standing

    standings = {each.standing for each in found}
    if Standing.MISSING in standings:
        note("some are missing\n  hint: `kboot assets pull`, or without internet `kboot assets add FOLDER`")
    if Standing.WRONG in standings:
        note("some are wrong\n  hint: bring those again: `kboot assets pull`, or `kboot assets add BINARY`")
        return ExitCode.FAILED
    return ExitCode.NOT_YET if Standing.MISSING in standings else ExitCode.DONE
