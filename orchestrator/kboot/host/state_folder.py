"""The cluster's folder: made with its owners, listed, removed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import STATE_MARK
from kboot_compose.services import CLOUDCONFIG, SERVICES, Service

from .files import failed, write_file
from .lock import is_lock
from .stamp import is_newer

SUPPLIES = ".supplies"  # what bundles brought, once for all clusters under a root
_LOCKS = re.compile(r"\.[a-z0-9][a-z0-9.-]*\.lock")
_REMOVED = re.compile(r"\.[a-z0-9][a-z0-9.-]*\.removed")
_DOWN = b"`kboot down` was the last word: `kboot up` and `kboot start` take this file away, a reboot does not.\n"
_NEW = b"This cluster was never in force, so its machines may be installed. cloudconfig takes this file away.\n"


def make_data_folders(folder: ClusterFolder, services: Sequence[Service] = SERVICES) -> None:
    """Create the folders that the services write into, each owned by the one service that writes there.

    The state of a cluster that begins is marked: without that mark, the cloud-config server takes a state that is
    missing for lost.
    """
    owners = [
        (folder.path, 0, 0o755),
        (folder.pki, 0, 0o700),
        (folder.nodes, CLOUDCONFIG.user.uid, 0o700),
        (folder.assets, 0, 0o755),
        (folder.path / "tftp", 0, 0o755),
    ]
    for service in services:
        for each in service.writes:
            owners.append((folder.path / each.path, 0 if each.is_opened_by_root else service.user.uid, each.mode))
    try:
        for path, uid, mode in owners:
            path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(path, uid, uid)
            path.chmod(mode)
        if not _was_in_force(folder):
            write_file(folder.state / STATE_MARK, _NEW, uid=CLOUDCONFIG.user.uid)
    except OSError as error:
        raise failed(error, folder.path) from error


def is_cluster(path: Path) -> bool:
    """Return whether a cluster is kept in the folder `path`, or was begun there."""
    folder = ClusterFolder(path.parent, path.name)
    return folder.description.is_file() or folder.stamp.is_file()


def begun_clusters(root: Path) -> list[str]:
    """Return the names of the clusters under `root`, also of those whose first `kboot up` broke off."""
    try:
        return sorted(entry.name for entry in root.iterdir() if is_cluster(entry))
    except OSError:
        return []


def other_files(root: Path) -> list[Path]:
    """Return what kboot keeps under `root` beside the folders of clusters: supplies, locks, what a removal left.

    What others keep there under a like name, such as the lock of another program, is not among it.
    """
    try:
        return sorted(path for path in root.iterdir() if _is_other(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failed(error, root) from error


def supplies_lock(root: Path) -> Path:
    """Return the lock file that whoever changes the supplies under `root` holds."""
    return root / f"{SUPPLIES}.lock"


def _is_other(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return path.name == SUPPLIES or _REMOVED.fullmatch(path.name) is not None
    return _LOCKS.fullmatch(path.name) is not None and path.is_file() and is_lock(path)


def mark_down(folder: ClusterFolder) -> None:
    """Keep that the services are down because somebody wanted it: a boot of this machine starts none."""
    try:
        write_file(folder.down, _DOWN)
    except OSError as error:
        raise failed(error, folder.down) from error


def forget_down(folder: ClusterFolder) -> None:
    """Forget what `mark_down` kept."""
    try:
        folder.down.unlink(missing_ok=True)
    except OSError as error:
        raise failed(error, folder.down) from error


def remove(folder: ClusterFolder) -> None:
    """Remove the cluster's folder, with everything that is known of the cluster.

    It is renamed first: a removal that is killed leaves no cluster with a part of its keys.
    """
    removed = folder.root / f".{folder.cluster}.removed"
    try:
        if removed.exists():
            shutil.rmtree(removed)
        if folder.path.exists():
            folder.path.rename(removed)
            shutil.rmtree(removed)
    except OSError as error:
        raise failed(error, folder.path) from error


def clusters(root: Path) -> list[str]:
    """Return the names of the clusters under `root`, also of those that a newer kboot keeps in another way."""
    try:
        folders = [ClusterFolder(root, entry.name) for entry in root.iterdir()]
    except OSError:
        return []
    return sorted(each.cluster for each in folders if each.description.is_file() or is_newer(each))


def _was_in_force(folder: ClusterFolder) -> bool:
    """Return whether a render was ever written to `folder`, or a machine was ever given an address."""
    written = (folder.pki, folder.config, folder.tls, folder.nodes, folder.leases)
    return folder.description.exists() or any(path.is_dir() and any(path.iterdir()) for path in written)
