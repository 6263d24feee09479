"""Brings an OS release from a folder into a cluster's store, where the updater verifies it before it is in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, family_of
from kboot_clusterdesc.config_reader import why_unread
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.shared_files import ORIGIN, UPDATE, origin_of
from kboot_clusterdesc.update_payload import payload_names

from ..errors import BadInput, KbootError
from ..host.files import failed, sync_folder
from .os_releases import Vouch, finish_file, make_folder

_CHUNK_BYTES = 1 << 20
_TOLD_BYTES = 200 << 20  # how much is copied between two shares that are told


def import_release(
    folder: ClusterFolder, desc: ClusterDesc, source: Path, vouch: Vouch, progress: Callable[[str], None]
) -> str:
    """Copy the release in the folder `source`, with its payloads as far as it has them, and return its number.

    A release that is here and verified is left as it is, and given the payloads that it lacks. Where no updater runs,
    what stands in its place is in force, so `vouch` looks at the copy before it comes there.
    """
    version = _number(source, desc)
    refuse_unread(desc, version)
    release = folder.images / desc.os.channel / version
    is_new = not _is_verified(release, desc)
    if is_new and not desc.os.update.enabled and release.is_dir():
        _refuse_whole(release, desc)
    names = [*(_release_names(desc) if is_new else ()), *_payloads(source, release, desc)]
    scratch = folder.images / f".placed-{version}"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        make_folder(scratch)
        _refuse_no_room(source, names, scratch)
        for number, name in enumerate(names, 1):
            _copy(source / name, scratch / name, f"{number} of {len(names)}: {name}", progress)
        if is_new and not desc.os.update.enabled:
            vouch(version, scratch)
        sync_folder(scratch)
        make_folder(release.parent)
        if is_new:
            shutil.rmtree(release, ignore_errors=True)  # not verified, so no machine is being installed with it
            scratch.rename(release)
        for name in () if is_new else names:
            (scratch / name).rename(release / name)
        sync_folder(release.parent)
    except OSError as error:
        raise failed(error, release) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return version


def refuse_unread(desc: ClusterDesc, version: str) -> None:
    """Raise BadInput for a release that would not read the node configs of the description."""
    if reason := why_unread(desc.os, version):
        raise BadInput(reason, "write `config: cloud-config` in `os` and run `kboot up`, or take a newer release")


def remove_refused(folder: ClusterFolder, desc: ClusterDesc, version: str) -> None:
    """Remove a release that was brought and that the updater did not take."""
    release = folder.images / desc.os.channel / version
    if not _is_verified(release, desc):
        shutil.rmtree(release, ignore_errors=True)


def _number(source: Path, desc: ClusterDesc) -> str:
    """Return the number that a whole release in a folder says it has; raise BadInput where it is none."""
    lacks = [name for name in _release_names(desc) if not (source / name).is_file()]
    if lacks:
        raise BadInput(
            f"{source}: holds no whole release of {desc.os.family}: {lacks[0]} is not there",
            f"it has to hold {', '.join(family_of(desc.os.family).release_files)}, and each .sig",
        )
    key = f"{family_of(desc.os.family).version_key}="
    try:
        lines = (source / "version.txt").read_text(errors="replace").splitlines()
    except OSError as error:
        raise failed(error, source) from error
    version = next((line.removeprefix(key).strip("'\" ") for line in lines if line.startswith(key)), "")
    try:
        is_number = len(release_number(version)) == 3 and "/" not in version
    except ValueError:
        is_number = False
    if not is_number:
        raise BadInput(f"{source}/version.txt: says no number of a release at {key}", "name another folder")
    return version


def _refuse_whole(release: Path, desc: ClusterDesc) -> None:
    """Raise BadInput where a release stands whole that nobody verified: with no updater it is in force as it is."""
    if all((release / name).is_file() for name in family_of(desc.os.family).release_files):
        raise BadInput(
            f"{release}: the release stands here whole, and is left as it is, since `os.update.enabled: false`",
            "move that folder away, then run this again: machines are given no release until then",
        )


def _release_names(desc: ClusterDesc) -> list[str]:
    return [name for file in family_of(desc.os.family).release_files for name in (file, f"{file}.sig")]


def _payloads(source: Path, release: Path, desc: ClusterDesc) -> list[str]:
    """Return the files of payloads that machines need, that the source has and that are not here and verified."""
    if _is_verified(release, desc) and (release / UPDATE).is_file():
        return []
    pairs = [(name, f"{name}.sha256") for name in payload_names(desc.os)]
    return [name for pair in pairs if all((source / each).is_file() for each in pair) for name in pair]


def _is_verified(release: Path, desc: ClusterDesc) -> bool:
    try:
        return (release / ORIGIN).read_text().strip() == origin_of(desc.os)
    except OSError:
        return False


def _refuse_no_room(source: Path, names: Sequence[str], target: Path) -> None:
    needed, free = sum((source / name).stat().st_size for name in names), shutil.disk_usage(target).free
    if needed > free:
        raise KbootError(
            f"{target.parent}: has no room for the release: {needed} bytes are needed, {free} are free",
            "free some space there, or set a lower `os.update.keep`",
        )


def _copy(source: Path, target: Path, what: str, progress: Callable[[str], None]) -> None:
    size, copied = source.stat().st_size, 0
    progress(f"copying {what}, {size // 10**6} MB")
    with source.open("rb") as read, target.open("xb") as written:
        while chunk := read.read(_CHUNK_BYTES):
            written.write(chunk)
            if copied // _TOLD_BYTES < (copied + len(chunk)) // _TOLD_BYTES:
                progress(f"copying {what}, {(copied + len(chunk)) * 100 // size} %")
            copied += len(chunk)
        finish_file(written)
