"""The cluster's folder: what differs between two renders, and how one comes onto the disk."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.layout import KBOOT_UID, REGISTRY_UID, STATE_MARK

from .errors import KbootError

# Everything in these is written by a render and by nothing else, so a file that is no longer rendered goes.
RENDERED_FOLDERS = ("config", "tls", "nodes")
RENDERED_FILES = ("cluster.yaml", "compose.yaml")

_NEW = b"This cluster was never in force, so its machines may be installed. cloudconfig takes this file away.\n"


class File(Protocol):
    """A rendered file (kboot.render.RenderedFile)."""

    @property
    def content(self) -> bytes: ...
    @property
    def mode(self) -> int: ...
    @property
    def uid(self) -> int: ...


class Change(StrEnum):
    """What writing a render would do to a file."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of the cluster's folder that a render would touch."""

    path: str
    change: Change


def differences(folder: ClusterFolder, render: Mapping[str, File]) -> list[FileChange]:
    """What writing `render` would change in `folder`, in the order of paths."""
    present = set(_present(folder))
    changes = [FileChange(path, Change.REMOVED) for path in present - set(render)]
    for path, file in render.items():
        change = _change(folder.path / path, file)
        if change is not None:
            changes.append(FileChange(path, change))
    return sorted(changes, key=lambda change: change.path)


def write_render(folder: ClusterFolder, render: Mapping[str, File]) -> list[FileChange]:
    """Bring `folder` to `render`, each file by rename; the changes that this took."""
    changes = differences(folder, render)
    try:
        for change in changes:
            target = folder.path / change.path
            if change.change is Change.REMOVED:
                target.unlink(missing_ok=True)
            else:
                file = render[change.path]
                _make_folders(folder.path, target.parent, file.uid)
                write_file(target, file.content, mode=file.mode, uid=file.uid)
        _drop_empty(folder, set(render))
    except OSError as error:
        raise _failed(error, folder.path) from error
    return changes


def write_file(target: Path, content: bytes, *, mode: int = 0o644, uid: int = 0) -> None:
    """Put `content` at `target` so that a reader, or a power cut, sees the old file or the new one whole."""
    with replaced(target, mode=mode, uid=uid) as stream:
        stream.write(content)


@contextmanager
def replaced(target: Path, *, mode: int = 0o644, uid: int = 0) -> Iterator[BinaryIO]:
    """A file to fill, and to read again, that stands at `target` once the block has ended well, and nowhere if not."""
    temporary = target.with_name(f".{target.name}.new")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            if os.geteuid() == 0:
                os.fchown(stream.fileno(), uid, uid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def make_data_folders(folder: ClusterFolder) -> None:
    """Create what the services write into, each owned by the one service that writes there.

    dnsmasq opens its lease file while it is root still, and may not pass over the rights of others. The state of a
    cluster that begins is marked: without that mark, cloudconfig takes a state that is missing for lost.
    """
    owners = [
        (folder.path, 0, 0o755),
        (folder.pki, 0, 0o700),
        (folder.nodes, KBOOT_UID, 0o700),
        (folder.images, KBOOT_UID, 0o755),
        (folder.assets, 0, 0o755),
        (folder.registry, REGISTRY_UID, 0o755),
        (folder.path / "tftp", 0, 0o755),
        (folder.leases, 0, 0o755),
        (folder.state, KBOOT_UID, 0o700),
    ]
    try:
        for path, uid, mode in owners:
            path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(path, uid, uid)
            path.chmod(mode)
        if not _was_in_force(folder):
            write_file(folder.state / STATE_MARK, _NEW, uid=KBOOT_UID)
    except OSError as error:
        raise _failed(error, folder.path) from error


def remove(folder: ClusterFolder) -> None:
    """Drop everything that is known of the cluster."""
    try:
        shutil.rmtree(folder.path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failed(error, folder.path) from error


def clusters(root: Path) -> list[str]:
    """The names of the clusters under `root`."""
    try:
        return sorted(entry.name for entry in root.iterdir() if (entry / "cluster.yaml").is_file())
    except OSError:
        return []


def _was_in_force(folder: ClusterFolder) -> bool:
    """Whether a render was ever written here, or a machine was ever given an address."""
    written = (folder.pki, folder.config, folder.tls, folder.nodes, folder.leases)
    return folder.description.exists() or any(path.is_dir() and any(path.iterdir()) for path in written)


def _change(target: Path, file: File) -> Change | None:
    try:
        found = target.lstat()
        same = stat.S_ISREG(found.st_mode) and target.read_bytes() == file.content
    except FileNotFoundError:
        return Change.ADDED
    except OSError as error:
        raise _failed(error, target) from error
    if os.geteuid() == 0:
        same = same and found.st_uid == file.uid
    return None if same and stat.S_IMODE(found.st_mode) == file.mode else Change.CHANGED


def _present(folder: ClusterFolder) -> list[str]:
    paths = [name for name in RENDERED_FILES if (folder.path / name).exists()]
    for name in RENDERED_FOLDERS:
        for parent, _, files in os.walk(folder.path / name):
            paths += [str((Path(parent) / file).relative_to(folder.path)) for file in files]
    return paths


def _make_folders(top: Path, wanted: Path, uid: int) -> None:
    """Folders down to `wanted`; one that holds a service's own files belongs to that service alone."""
    missing = []
    here = wanted
    while here != top and not here.exists():
        missing.append(here)
        here = here.parent
    wanted.mkdir(parents=True, exist_ok=True)
    for path in missing:
        if uid and os.geteuid() == 0:
            os.chown(path, uid, uid)
        path.chmod(0o700 if uid else 0o755)


def _drop_empty(folder: ClusterFolder, kept: set[str]) -> None:
    needed = {str(parent) for path in kept for parent in Path(path).parents}
    for name in RENDERED_FOLDERS:
        for parent, _, _ in os.walk(folder.path / name, topdown=False):
            path = Path(parent)
            relative = str(path.relative_to(folder.path))
            if relative not in needed and relative not in RENDERED_FOLDERS and not any(path.iterdir()):
                path.rmdir()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(error: OSError, path: Path) -> KbootError:
    hints = {
        errno.EACCES: "run kboot as root, or choose another folder with `--root`",
        errno.EPERM: "run kboot as root, or choose another folder with `--root`",
        errno.ENOSPC: "free some space there, then run this again; what was in force before is still whole",
        errno.EROFS: "choose a folder that can be written with `--root`",
    }
    where = error.filename or path
    return KbootError(
        f"{where}: {error.strerror}", hints.get(error.errno or 0, "see to that path, then run this again")
    )
