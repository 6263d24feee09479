"""Puts an OS release that a bundle brought where the updater takes one that was brought by hand, and verifies it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from kboot_clusterdesc import ClusterDesc, ClusterFolder, family_of
from kboot_clusterdesc.config_reader import why_unread
from kboot_clusterdesc.os_choice import holds, read_choice
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.shared_files import CHOICE, CURRENT, ORIGIN, origin_of
from kboot_clusterdesc.update_payload import payload_names
from kboot_compose.services import UPDATER

from ..errors import BadInput, KbootError
from ..host.files import failed, sync_folder
from .bundle_manifest import Item, Kind
from .release_keys import place_release_key
from .store import SupplyStore

Vouch = Callable[[str, Path], None]  # takes a release's number and its folder; raises BadInput where it is refused

_CHUNK = 1024**2


def place_release(folder: ClusterFolder, desc: ClusterDesc, vouch: Vouch, progress: Callable[[str], None]) -> bool:
    """Place the release that `desc` asks for, if bundles brought it and it is not here; return whether it was placed.

    With `os.version: current` that is the newest one, if newer than the one in force. The updater checks its signatures
    before machines get it; where that is left out (`os.update.enabled: false`), `vouch` looks at them, and the release
    is put in force here.
    A newer key of the family that bundles brought is placed too, and counts as something that was placed.
    """
    has_key = _place_key(folder, desc, progress)
    releases = _brought(SupplyStore(folder.root), desc)
    channel = folder.images / desc.os.channel
    version = _wanted(releases, desc)
    if version is None:
        return has_key
    is_there = _is_there(channel / version, desc)
    if is_there and (desc.os.update.enabled or _is_vouched(channel / version, desc)):
        has_payloads = _place_payloads(folder, desc, version, releases[version], progress)
        return _put_in_force(channel, version, desc, progress) or has_payloads or has_key
    if not _is_newer(version, channel, desc) and not (is_there and version == _in_force(channel)):
        return has_key
    progress(f"placing the release {version} of {desc.os.family} {desc.os.channel}")
    scratch = folder.images / f".placed-{version}"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        make_folder(scratch)
        taken = {name: releases[version][name] for name in sorted(_names(desc) | _payloads(releases[version], desc))}
        for number, (name, item) in enumerate(taken.items(), 1):
            progress(f"  {number} of {len(taken)}: {name}, {item.size // 10**6} MB")
            _copy(SupplyStore(folder.root), item, scratch / name)
        if not desc.os.update.enabled:
            _vouched(version, scratch, vouch, channel)
            with (scratch / ORIGIN).open("xb") as written:
                written.write(f"{origin_of(desc.os)}\n".encode())
                finish_file(written)
        sync_folder(scratch)
        make_folder(channel)
        shutil.rmtree(channel / version, ignore_errors=True)  # not whole, or of nobody who vouches for it
        scratch.rename(channel / version)
        sync_folder(channel)
    except OSError as error:
        raise failed(error, folder.images) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _put_in_force(channel, version, desc, progress)
    return True


def _put_in_force(channel: Path, version: str, desc: ClusterDesc, progress: Callable[[str], None]) -> bool:
    """Let machines have a verified release where no updater would, if it is newer; return whether they have it now.

    It may have been here before: pinned, or placed by a run that was killed before this. What the operator chose
    over it stays.
    """
    if desc.os.update.enabled or desc.os.version != CURRENT or not _is_newer(version, channel, desc):
        return False
    if _is_passed_over(version, channel):
        return False
    progress(f"the release {version} is in force now")
    try:
        _switch(channel, version)
        sync_folder(channel)
    except OSError as error:
        raise failed(error, channel) from error
    return True


def _is_passed_over(version: str, channel: Path) -> bool:
    """Return whether the release in force is one that the operator chose over `version`, by `kboot os use`."""
    try:
        choice = read_choice((channel / CHOICE).read_bytes())
    except (OSError, ValueError):
        return False
    return choice.version == _in_force(channel) and holds(choice, version)


def _vouched(version: str, scratch: Path, vouch: Vouch, channel: Path) -> None:
    """Have a release verified; where it is refused, one of that number that lies in its place is put aside."""
    try:
        vouch(version, scratch)
    except BadInput:
        aside = channel.parent / f".refused-{channel.name}-{version}"
        if (channel / version).exists():
            shutil.rmtree(aside, ignore_errors=True)
            (channel / version).rename(aside)
        raise


def _is_vouched(release: Path, desc: ClusterDesc) -> bool:
    """Return whether a release was verified in its place, as one of the description's family and board."""
    try:
        return (release / ORIGIN).read_text().strip() == origin_of(desc.os)
    except OSError:
        return False


def _place_payloads(
    folder: ClusterFolder,
    desc: ClusterDesc,
    version: str,
    brought: Mapping[str, Item],
    progress: Callable[[str], None],
) -> bool:
    """Give a release that is here the update payloads that it lacks; return whether any was placed."""
    release = folder.images / desc.os.channel / version
    lacking = sorted(name for name in _payloads(brought, desc) if not (release / name).is_file())
    scratch = folder.images / f".placed-{version}"
    try:
        for name in lacking:
            progress(f"placing {name} of release {version}, {brought[name].size // 10**6} MB")
            make_folder(scratch)
            _copy(SupplyStore(folder.root), brought[name], scratch / name)
            (scratch / name).rename(release / name)
    except OSError as error:
        raise failed(error, release) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return bool(lacking)


def _payloads(brought: Mapping[str, Item], desc: ClusterDesc) -> set[str]:
    """Return the files of update payloads among what was brought that machines need, each with its hash."""
    pairs = [{name, f"{name}.sha256"} for name in payload_names(desc.os)]
    return {name for pair in pairs if pair <= brought.keys() for name in pair}


def brought_release(store: SupplyStore, desc: ClusterDesc) -> str | None:
    """Return the number of the release that `place_release` takes from the store; None where it holds none of use."""
    return _wanted(_brought(store, desc), desc)


def has_release(folder: ClusterFolder, desc: ClusterDesc) -> bool:
    """Return whether any release of the description's is whole in its place, verified or not."""
    channel = folder.images / desc.os.channel
    version = _in_force(channel) if desc.os.version == CURRENT else desc.os.version
    return version is not None and _is_there(channel / version, desc)


def _brought(store: SupplyStore, desc: ClusterDesc) -> dict[str, dict[str, Item]]:
    """Return the whole releases of the description's family, channel and board: number -> file name -> item."""
    found: dict[str, dict[str, Item]] = {}
    for item in store.items(Kind.OS_FILE):
        place, _, name = item.path.rpartition("/")
        if place == f"{desc.os.family}/{desc.os.channel}/{desc.os.board}/{item.version}" and _is_number(item.version):
            found.setdefault(item.version, {})[name] = item
    names = _names(desc)
    return {version: files for version, files in found.items() if names <= files.keys()}


def _wanted(releases: Mapping[str, dict[str, Item]], desc: ClusterDesc) -> str | None:
    read = [version for version in releases if why_unread(desc.os, version) is None]
    version = desc.os.version if desc.os.version != CURRENT else max(read, key=release_number, default="")
    return version if version in releases else None


def _is_newer(version: str, channel: Path, desc: ClusterDesc) -> bool:
    """Return whether a release takes the place of the one in force; a pinned one always does."""
    current = _in_force(channel)
    if desc.os.version != CURRENT or current is None or not _is_there(channel / current, desc):
        return True
    return release_number(version) > release_number(current)


def _in_force(channel: Path) -> str | None:
    try:
        version = os.readlink(channel / CURRENT).rstrip("/").rpartition("/")[2]
    except OSError:
        return None
    return version if _is_number(version) else None


def _is_there(place: Path, desc: ClusterDesc) -> bool:
    return all((place / name).is_file() for name in _names(desc))


def _names(desc: ClusterDesc) -> set[str]:
    return {name for file in family_of(desc.os.family).release_files for name in (file, f"{file}.sig")}


def _is_number(version: str) -> bool:
    try:
        return len(release_number(version)) == 3
    except ValueError:
        return False


def _place_key(folder: ClusterFolder, desc: ClusterDesc, progress: Callable[[str], None]) -> bool:
    """Give the updater the key of the family, where a bundle brought it, also for a release that came before."""
    fingerprint = family_of(desc.os.family).key_fingerprint
    try:
        is_placed = place_release_key(SupplyStore(folder.root), folder.images, fingerprint)
        if is_placed:
            progress(f"placing the release key of {desc.os.family}, {fingerprint}")
        return is_placed
    except OSError as error:
        raise failed(error, folder.images) from error


def _copy(store: SupplyStore, item: Item, target: Path) -> None:
    """Copy a file out of the store, synced to the disk; raise KbootError where its bytes do not fit its digest."""
    total = sha256()
    with store.blob(item.digest).open("rb") as read, target.open("xb") as written:
        while chunk := read.read(_CHUNK):
            total.update(chunk)
            written.write(chunk)
        finish_file(written)
    if f"sha256:{total.hexdigest()}" != item.digest:
        raise KbootError(f"{store.blob(item.digest)}: its bytes are {total.hexdigest()}", "load the bundle again")


def finish_file(written: BinaryIO) -> None:
    """Sync a file of a release that was written whole, and let the updater own it and others read it."""
    written.flush()
    os.fsync(written.fileno())
    os.fchmod(written.fileno(), 0o644)
    if os.geteuid() == 0:
        os.fchown(written.fileno(), UPDATER.user.uid, UPDATER.user.uid)


def make_folder(folder: Path) -> None:
    """Make a folder that the updater may write in, and others read."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, UPDATER.user.uid, UPDATER.user.uid)


def _switch(channel: Path, version: str) -> None:
    new = channel / ".current.new"
    new.unlink(missing_ok=True)
    new.symlink_to(version)
    new.replace(channel / CURRENT)
