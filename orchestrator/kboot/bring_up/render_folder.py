"""Compares a render with the cluster's folder, and writes it there."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.shared_files import SUMMARY

from ..host.files import NewFile, failed, write_files
from ..render import RenderedFile

# Only a render writes into these, so a file that is no longer rendered is removed.
RENDERED_FOLDERS = ("config", "tls", "nodes")
RENDERED_FILES = ("cluster.yaml", "compose.yaml")
WRITTEN_BESIDE = (f"config/{SUMMARY}",)  # for a service that sees this folder


class Change(StrEnum):
    """The change that writing a render makes to a file."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of the cluster's folder that a render would touch."""

    path: str
    change: Change


def differences(folder: ClusterFolder, render: Mapping[str, RenderedFile]) -> list[FileChange]:
    """Return the changes that writing `render` would make in `folder`, sorted by path."""
    present = set(_present(folder))
    changes = [FileChange(path, Change.REMOVED) for path in present - set(render)]
    for path, file in render.items():
        change = _change(folder.path / path, file)
        if change is not None:
            changes.append(FileChange(path, change))
    return sorted(changes, key=lambda change: change.path)


def write_render(folder: ClusterFolder, render: Mapping[str, RenderedFile]) -> list[FileChange]:
    """Write `render` to `folder`, each file whole, remove what is no longer rendered, and return the changes."""
    changes = differences(folder, render)
    changed = {change.path for change in changes}
    try:
        written = [(folder.path / path, file) for path, file in render.items() if path in changed]
        for target, file in written:
            _make_folders(folder.path, target.parent, file.uid)
        write_files([NewFile(target, file.content, file.mode, file.uid) for target, file in written])
        for change in changes:
            if change.change is Change.REMOVED:  # last: where the disk is full, what was in force is whole
                (folder.path / change.path).unlink(missing_ok=True)
        _drop_empty(folder, set(render))
    except OSError as error:
        raise failed(error, folder.path) from error
    return changes


def _change(target: Path, file: RenderedFile) -> Change | None:
    try:
        found = target.lstat()
        same = stat.S_ISREG(found.st_mode) and target.read_bytes() == file.content
    except FileNotFoundError:
        return Change.ADDED
    except OSError as error:
        raise failed(error, target) from error
    if os.geteuid() == 0:
        same = same and found.st_uid == file.uid
    return None if same and stat.S_IMODE(found.st_mode) == file.mode else Change.CHANGED


def _present(folder: ClusterFolder) -> list[str]:
    paths = [name for name in RENDERED_FILES if (folder.path / name).exists()]
    for name in RENDERED_FOLDERS:
        for parent, _, files in os.walk(folder.path / name):
            paths += [str((Path(parent) / file).relative_to(folder.path)) for file in files]
    return [path for path in paths if path not in WRITTEN_BESIDE]


def _make_folders(top: Path, wanted: Path, uid: int) -> None:
    """Make the folders from `top` down to `wanted`; with a service's `uid`, for that service alone."""
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
