"""The folder that a lab's release server serves: releases that were published in it, laid out as on public servers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.os_release import release_number

_CURRENT = "current"


def published(folder: ClusterFolder) -> Path:
    """Return the folder that a lab's server serves."""
    return folder.lab / "releases"


def publish(built: Path, place: Path, *, is_current: bool) -> None:
    """Put a release that was built into the folder; one of its version that is there already is replaced.

    `current` leads to it if `is_current`, else where it is the newest.
    """
    for release in (path.parent for path in built.glob("*/*/*/version.txt") if not path.parent.is_symlink()):
        channel = place / release.parent.relative_to(built)
        channel.mkdir(parents=True, exist_ok=True)
        _bring(release, channel / release.name)
        current = channel / _CURRENT
        before = current.readlink().name if current.is_symlink() else None
        if is_current or before is None or release_number(release.name) > release_number(before):
            _lead(current, release.name)


def _bring(release: Path, target: Path) -> None:
    """Make `target` what `release` is, in one step for whoever reads; links cost no room where they are possible."""
    if _files(target) == _files(release):
        return
    fresh, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(release, fresh, copy_function=_link_or_copy)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file, which copies keep."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _lead(link: Path, name: str) -> None:
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(name)
    fresh.rename(link)
