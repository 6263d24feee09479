"""Writes files whole: a reader, or a power cut, sees the old one or the new one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import KbootError


def write_file(target: Path, content: bytes, *, mode: int = 0o644, uid: int = 0) -> None:
    """Put `content` at `target` so that a reader, or a power cut, sees the old file or the new one whole."""
    with replaced(target, mode=mode, uid=uid) as stream:
        stream.write(content)


@contextmanager
def replaced(target: Path, *, mode: int = 0o644, uid: int = 0) -> Iterator[BinaryIO]:
    """Yield a file to write and read again; it replaces `target` once the block has ended well, and is gone if not."""
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
    sync_folder(target.parent)


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


def sync_folder(path: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
