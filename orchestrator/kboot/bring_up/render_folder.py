"""Compares a render with the cluster's folder, and writes it there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
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
    top = str(folder.path)
    changes = [FileChange(path, Change.REMOVED) for path in set(_present(top)) - set(render)]
    for path, file in render.items():
        change = _change(f"{top}/{path}", file)
        if change is not None:
            changes.append(FileChange(path, change))
    return sorted(changes, key=lambda change: change.path)


def write_render(folder: ClusterFolder, render: Mapping[str, RenderedFile]) -> list[FileChange]:
    """Write `render` to `folder`, each file whole, remove what is no longer rendered, and return the changes."""
    changes = differences(folder, render)
    changed, top = {change.path for change in changes}, folder.path
    try:
        written = [(top / path, file) for path, file in render.items() if path in changed]
        for parent, uid in dict.fromkeys((target.parent, file.uid) for target, file in written):
            _make_folders(top, parent, uid)
        write_files([NewFile(target, file.content, file.mode, file.uid) for target, file in written])
        for change in changes:
            if change.change is Change.REMOVED:  # last: where the disk is full, what was in force is whole
                (top / change.path).unlink(missing_ok=True)
        _drop_empty(str(top), render)
    except OSError as error:
        raise failed(error, top) from error
    return changes


def _change(target: str, file: RenderedFile) -> Change | None:
    try:
        found = os.lstat(target)  # no Path: a rack of ten thousand has seventy thousand files
        same = stat.S_ISREG(found.st_mode) and found.st_size == len(file.content) and _content(target) == file.content
    except FileNotFoundError:
        return Change.ADDED
    except OSError as error:
        raise failed(error, Path(target)) from error
    if os.geteuid() == 0:
        same = same and found.st_uid == file.uid
    return None if same and stat.S_IMODE(found.st_mode) == file.mode else Change.CHANGED


def _content(target: str) -> bytes:
    with open(target, "rb", buffering=0) as stream:
        return stream.read()


def _present(top: str) -> list[str]:
    paths = [name for name in RENDERED_FILES if os.path.exists(f"{top}/{name}")]
    for name in RENDERED_FOLDERS:
        for parent, _, files in os.walk(f"{top}/{name}"):
            below = parent[len(top) + 1 :]
            paths += [f"{below}/{file}" for file in files]
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


def _drop_empty(top: str, kept: Iterable[str]) -> None:
    needed = set(RENDERED_FOLDERS)
    for path in kept:
        parent = path.rpartition("/")[0]
        while parent and parent not in needed:
            needed.add(parent)
            parent = parent.rpartition("/")[0]
    for name in RENDERED_FOLDERS:
        for folder, _, _ in os.walk(f"{top}/{name}", topdown=False):
            if folder[len(top) + 1 :] not in needed and not os.listdir(folder):
                os.rmdir(folder)
