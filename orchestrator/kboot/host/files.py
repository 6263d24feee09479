"""Writes files whole, one or many: a reader, or a power cut, sees the old one or the new one."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import KbootError

_FEW = 16


def write_file(target: Path, content: bytes, *, mode: int = 0o644, uid: int = 0, gid: int | None = None) -> None:
    """Put `content` at `target` so that a reader, or a power cut, sees the old file or the new one whole.

    Without a `gid` its group is that of the same number as its owner.
    """
    with replaced(target, mode=mode, uid=uid, gid=gid) as stream:
        stream.write(content)


def write_new_file(target: Path, text: str) -> None:
    """Write `text` to `target`, whole or not at all; raise FileExistsError where something is there already."""
    with target.open("x", encoding="utf-8") as stream:
        try:
            stream.write(text)
            stream.flush()
        except BaseException:
            target.unlink()  # a part would be in the way of the next try
            raise


@contextmanager
def replaced(target: Path, *, mode: int = 0o644, uid: int = 0, gid: int | None = None) -> Iterator[BinaryIO]:
    """Yield a file to write and read again; it replaces `target` once the block has ended well, and is gone if not."""
    temporary = _temporary(target)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            if os.geteuid() == 0:
                os.fchown(stream.fileno(), uid, uid if gid is None else gid)
            elif gid is not None:
                with suppress(PermissionError):  # a group that we are not in
                    os.fchown(stream.fileno(), -1, gid)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is to be written: where, what, and with which mode and owner."""

    path: Path
    content: bytes
    mode: int = 0o644
    uid: int = 0


def write_files(files: Sequence[NewFile]) -> None:
    """Write many files in one folder's tree, each whole as `write_file` does, and wait for the disk twice in all.

    All contents are on the disk before the first file gets its name. Few files are written one by one: who waits for
    a whole file system waits for what others write there too.
    """
    if len(files) <= _FEW:
        for file in files:
            write_file(file.path, file.content, mode=file.mode, uid=file.uid)
        return
    temporaries: dict[Path, Path] = {}  # to what each is to be
    try:
        for file in files:
            temporary = _temporary(file.path)
            temporaries[temporary] = file.path
            _write(temporary, file)
        tops = {folder.stat().st_dev: folder for folder in {file.path.parent for file in files}}
        for top in tops.values():
            sync_file_system(top)
        for temporary, target in temporaries.items():
            os.replace(temporary, target)
    except BaseException:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        raise
    for top in tops.values():
        sync_file_system(top)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _write(path: Path, file: NewFile) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.content)
        if os.geteuid() == 0:
            os.fchown(descriptor, file.uid, file.uid)
        os.fchmod(descriptor, file.mode)


def failed(error: OSError, path: Path) -> KbootError:
    """Return what an operator is told when writing below `path` failed with `error`."""
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


def sync_files(paths: Sequence[Path]) -> None:
    """Have the contents of some files survive a power cut: a few one by one, many in one file system all at once."""
    if len(paths) > _FEW:
        for top in {path.parent.stat().st_dev: path.parent for path in paths}.values():
            sync_file_system(top)
        return
    for path in paths:
        _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Have the names in a folder survive a power cut."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Have all that was written to the file system of the folder `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # syncfs(2), which Python has not; unlike sync(2) it leaves other disks alone, and tells a failure.
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
