"""A lock for one kboot at a time to work on a cluster; a second one is told which process holds it."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import KbootError

_OTHER_ROOT = "run kboot as root, or choose another folder with `--root`"
_HELD = "process "  # begins a lock file while it is held; it is empty otherwise


class Locked(KbootError):
    """Another kboot works on this cluster."""


@contextmanager
def locked(path: Path, hint: str = _OTHER_ROOT) -> Iterator[None]:
    """Hold the lock file `path`, which names this process meanwhile; raises Locked with the holder's name.

    `hint` is what to do where the file cannot be opened.
    The kernel drops a flock with its process, so a killed kboot leaves nothing to clean up.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KbootError(f"{path}: cannot be opened: {error.strerror}", hint) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(
                f"{path}: held by {_holder(descriptor)}",
                "wait until it is done, or end it, then run this again",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{_HELD}{os.getpid()} ({_command()})\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_lock(path: Path) -> bool:
    """Return whether a file is what `locked` leaves, or what a kboot that was killed in it left."""
    with path.open("rb") as stream:
        return stream.read(len(_HELD)) in (b"", _HELD.encode())


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 500, 0).decode(errors="replace").strip() or "another kboot"


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:300]
