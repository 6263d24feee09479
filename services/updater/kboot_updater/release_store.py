"""The store of releases: a folder `<channel>/<version>/` each, and `<channel>/current`, a link to the one in force."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from kboot_clusterdesc.os_choice import Choice, read_choice, write_choice
from kboot_clusterdesc.os_release import is_version, version_order
from kboot_clusterdesc.shared_files import CHOICE, CURRENT, ORIGIN

from .fault import DiskFull, Stopped, UpdaterFault
from .log import log
from .releases import versions_to_prune

_POLL_S = 0.2
_REFUSED = ".refused"  # in the folder of a release that was brought by hand
_SMALL_BYTES = 1 << 16


class ReleaseStore:
    """The releases of one channel. A download is renamed to its number when it is whole, and never before."""

    def __init__(self, images: Path, channel: str, files: Collection[str], origin: str) -> None:
        """`files` are the names of a release's files without signatures, `origin` its family and board as one text."""
        self._channel = images / channel
        self._files = tuple(name for file in files for name in (file, f"{file}.sig"))
        self._origin = origin
        self._incoming = images / ".incoming"

    @property
    def current(self) -> str | None:
        """The number of the release in force; None if there is none or it is not whole."""
        try:
            version = os.readlink(self._channel / CURRENT).rstrip("/").rpartition("/")[2]
        except OSError:
            return None
        return version if is_version(version) and self.has(version) else None

    def folder(self, version: str) -> Path:
        """Return the folder of a release."""
        return self._channel / version

    def has(self, version: str) -> bool:
        """Whether the store holds the release, whole and of this family and board."""
        folder = self._channel / version
        return self._is_ours(folder) and self._is_complete(folder)

    def brought_by_hand(self, version: str) -> Path | None:
        """Return the folder of a release that someone copied here: whole, but of no known origin; else None."""
        folder = self._channel / version
        return folder if self._is_complete(folder) and not (folder / ORIGIN).exists() else None

    def all_brought_by_hand(self) -> list[str]:
        """Return the numbers of all releases that someone copied here, the newest first."""
        names = [path.name for path in self._channel.glob("*") if is_version(path.name)]
        return [name for name in sorted(names, key=version_order, reverse=True) if self.brought_by_hand(name)]

    def withdraw(self, version: str) -> None:
        """Take back that a release was verified: it is served no more, and the next check brings it anew."""
        with disk_faults("the store"):
            (self._channel / version / ORIGIN).unlink(missing_ok=True)

    def accept(self, version: str) -> None:
        """Mark a release brought by hand as verified, by giving it an origin."""
        with disk_faults("the store"):
            (self._channel / version / ORIGIN).write_text(self._origin + "\n")
            (self._channel / version / _REFUSED).unlink(missing_ok=True)

    def state_of(self, version: str) -> str:
        """Return what the files of a release are by: another state means that one may be another.

        Of large ones that is their size and times, since reading them is what takes long.
        """
        total = sha256()
        for name in self._files:
            file = self._channel / version / name
            looked = file.stat()
            total.update(f"{name} {looked.st_size} {looked.st_mtime_ns} {looked.st_ctime_ns}\n".encode())
            if looked.st_size <= _SMALL_BYTES:
                total.update(sha256(file.read_bytes()).digest())
        return total.hexdigest()

    def remember_refused(self, version: str, state: str, key: bytes | None) -> None:
        """Keep that a release brought by hand was refused in this state, by this release key.

        Where its folder is not the updater's, nothing is kept, and the release is looked at again next time.
        """
        with suppress(OSError):
            (self._channel / version / _REFUSED).write_text(_judged(state, key))

    def was_refused(self, version: str, state: str, key: bytes | None) -> bool:
        """Whether a release brought by hand was refused as it is, by the release key as it is."""
        try:
            return (self._channel / version / _REFUSED).read_text() == _judged(state, key)
        except OSError:
            return False

    def incoming(self, version: str) -> Path:
        """Return the folder to download the release into, with what an earlier run left; remove other downloads."""
        folder = self._incoming / f"{self._channel.name}-{version}"
        if folder.exists() and not self._is_ours(folder):
            shutil.rmtree(folder)
        for other in self._incoming.glob("*"):
            if other != folder:
                _remove(other)
        with disk_faults("the store"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ORIGIN).write_text(self._origin + "\n")
        return folder

    def discard_incoming(self) -> None:
        """Remove every unfinished download."""
        if self._incoming.exists():
            shutil.rmtree(self._incoming, ignore_errors=True)

    def move_into_place(self, version: str) -> None:
        """Move the verified release from the incoming folder to its place in the channel."""
        source, target = self._incoming / f"{self._channel.name}-{version}", self._channel / version
        with disk_faults("the store"):
            self._channel.mkdir(parents=True, exist_ok=True)
            sync(source)
            if target.exists():
                # What stands there is not whole or of another board, so no machine can be installing it.
                os.rename(target, self._incoming / f"replaced-{version}")
            os.rename(source, target)
            sync(self._channel)
        self.discard_incoming()

    def switch(self, version: str) -> None:
        """Put the release in force in one step, so that `current` leads to a whole release at any moment."""
        new = self._channel / ".current.new"
        with disk_faults("the store"):
            new.unlink(missing_ok=True)
            new.symlink_to(version)
            os.replace(new, self._channel / CURRENT)
            sync(self._channel)

    @property
    def choice(self) -> Choice | None:
        """The release that the operator chose; None where he left it to the channel."""
        try:
            return read_choice((self._channel / CHOICE).read_bytes())
        except (OSError, ValueError):
            return None

    def choose(self, choice: Choice | None) -> None:
        """Keep what the operator chose, or leave it to the channel again."""
        with disk_faults("the store"):
            if choice is None:
                (self._channel / CHOICE).unlink(missing_ok=True)
            else:
                write_whole(self._channel / CHOICE, write_choice(choice))

    def surplus(self, keep: int, in_use: Collection[str]) -> list[str]:
        """Return the oldest releases, so many that `keep` are left, none that is in use."""
        return versions_to_prune(self.versions(), keep, in_use)

    def versions(self) -> list[str]:
        """Return the numbers of all releases that have a folder, whole or not."""
        folders = self._channel.iterdir() if self._channel.is_dir() else ()
        return [folder.name for folder in folders if folder.is_dir() and is_version(folder.name)]

    def prune(self, pruned: Collection[str]) -> None:
        """Remove releases."""
        for version in pruned:
            # Renamed before it is deleted: a folder with a number as name is never half there.
            self._incoming.mkdir(exist_ok=True)
            os.rename(self._channel / version, self._incoming / f"pruned-{version}")
        if pruned:
            self.discard_incoming()

    def _is_complete(self, folder: Path) -> bool:
        return all((folder / name).is_file() for name in self._files)

    def _is_ours(self, folder: Path) -> bool:
        try:
            return (folder / ORIGIN).read_text().strip() == self._origin
        except OSError:
            return False


def _judged(state: str, key: bytes | None) -> str:
    return f"{state} {sha256(key or b'').hexdigest()}\n"


@contextmanager
def held(lock: Path, stop: threading.Event) -> Iterator[None]:
    """Hold the store's lock for one check, once a check that holds it has ended; raises Stopped, UpdaterFault."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        what = f"the store cannot be written: {error.strerror}; it belongs to uid {os.geteuid()}"
        raise UpdaterFault(what) from error
    try:
        waiting = False
        while not _try_lock(descriptor):
            if not waiting:
                log("waiting", detail="another check is running")
            waiting = True
            if stop.wait(_POLL_S):
                raise Stopped("the updater was told to end")
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def disk_faults(what: str) -> Iterator[None]:
    """Raise what a write to `what` raises as DiskFull or UpdaterFault."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{what} has no room left; free space, or set a lower `os.update.keep`") from error
        raise UpdaterFault(f"{what} cannot be written: {error}") from error


def sync(folder: Path) -> None:
    """Sync what a folder holds, its names, to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: Path, text: str) -> None:
    """Write a file by one rename, synced to the disk."""
    new = file.with_name(f".{file.name.lstrip('.')}.new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, file)
    sync(file.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
