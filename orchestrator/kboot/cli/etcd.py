"""`kboot etcd snapshot | restore`: save what etcd holds to a file, and put it back."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput, ExitCode
from ..host.progress import Progress
from .options import (
    Commands,
    add_cluster,
    add_command,
    add_group,
    add_json,
    add_login,
    add_timeout,
    confirm,
    login,
    note,
    print_json,
)

if TYPE_CHECKING:
    from kboot_clusterdesc import ClusterDesc, Node

    from ..running.ssh import Remote


def register(commands: Commands) -> None:
    """Add the `kboot etcd` commands to the command line."""
    group = add_group(
        commands, "etcd", summary="save what etcd holds, or put it back", example="kboot etcd snapshot -o etcd.db"
    )
    parser = add_command(
        group,
        "snapshot",
        run_snapshot,
        summary="save a snapshot of etcd here, whole and checked",
        example="kboot etcd snapshot -o /backup/etcd.db",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="SNAPSHOT",
        help="a new file, for its owner alone; default: the cluster's name and the time, in this folder",
    )
    add_json(parser)
    add_cluster(parser)

    parser = add_command(
        group,
        "restore",
        run_restore,
        summary="put every etcd member back to a snapshot, with the API servers stopped meanwhile",
        example="kboot etcd restore /backup/etcd.db",
    )
    parser.add_argument("file", type=Path, metavar="SNAPSHOT", help="a file of `kboot etcd snapshot` or etcdctl")
    add_login(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    add_timeout(parser, 300, "how long to wait for etcd's health")
    add_cluster(parser)


def run_snapshot(arguments: argparse.Namespace) -> ExitCode:
    """Save a snapshot of etcd to a new file."""
    from ..etcd.snapshot import take_snapshot
    from ..running.chosen import chosen_cluster, description_in_force
    from ..running.status import read_nodes

    folder = chosen_cluster(arguments.root, arguments.cluster)
    desc = description_in_force(folder)
    path = arguments.output or Path(f"{folder.cluster}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db")
    taken = take_snapshot(desc, folder, read_nodes(folder, desc), path, Progress())
    if arguments.json:
        print_json(taken.as_json())
    else:
        print(f"{path}: {_size(taken.file.size_bytes)} from {taken.member}, sha256 {taken.file.sha256}")
    if taken.unhealthy is not None:
        note(f"note: {taken.member} {taken.unhealthy}: what was written last may be missing")
    return ExitCode.DONE


def run_restore(arguments: argparse.Namespace) -> ExitCode:
    """Put every etcd member back to a snapshot."""
    from ..etcd.restore import restore
    from ..etcd.snapshot_file import read_snapshot
    from ..host.stamp import held
    from ..running.chosen import chosen_cluster, description_in_force, node_named
    from ..running.cluster_health import read_etcd_health
    from ..running.ssh import remote
    from ..running.status import addresses_of, read_nodes

    folder = chosen_cluster(arguments.root, arguments.cluster)
    found = read_snapshot(arguments.file)
    desc = description_in_force(folder)
    if not desc.etcd_members:
        raise BadInput(f"{folder.cluster} has no etcd", "name another cluster with `--cluster`")
    if not arguments.yes:
        _ask(desc, f"{arguments.file} ({_size(found.size_bytes)}, sha256 {found.sha256})")
    with held(folder):
        nodes = read_nodes(folder, desc)

        def way_to(node: Node) -> Remote:
            return remote(folder, node_named(nodes, node.mac), login(arguments))

        restore(
            arguments.file,
            [way_to(node) for node in desc.etcd_members],
            [way_to(node) for node in _api_servers(desc)],
            lambda: read_etcd_health(desc, folder, addresses_of(nodes)),
            Progress(),
            arguments.timeout,
        )
    print(f"etcd of {folder.cluster} is back at {arguments.file}")
    if _api_servers(desc):
        note("next: the API servers come back within a minute or two - `kboot status`")
    return ExitCode.DONE


def _ask(desc: ClusterDesc, what: str) -> None:
    """Print what putting etcd back to `what` does; raise BadInput unless the operator types `yes`."""
    note(f"etcd of {desc.cluster.name} goes back to {what}:")
    if planes := _api_servers(desc):
        note(f"  the API servers stop until that is done: {_names(planes)}")
    note(f"  etcd stops, and what it holds becomes what the snapshot holds: {_names(desc.etcd_members)}")
    note("  what it holds now is kept on each, in /var/lib/etcd/before-restore-TIME")
    confirm()


def _api_servers(desc: ClusterDesc) -> tuple[Node, ...]:
    return desc.control_planes if desc.kubernetes is not None else ()


def _names(nodes: tuple[Node, ...]) -> str:
    return ", ".join(node.name for node in nodes)


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:.1f} kB"
