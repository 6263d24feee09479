"""Work that is killed at a moment of its own, the same at each run: before its so many-th change of the disk."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

_CHANGES = frozenset(
    {"fsync", "ftruncate", "link", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink", "write"}
)


def kill_at(work: Callable[[], object], change: int | None) -> int:
    """Do work in a process that kills itself before its `change`-th change; how many it made, 0 if it was killed.

    Changes are calls such as write(2) and rename(2), be it of the disk or of what is said on a terminal.
    """
    counted = 0
    reading, writing = os.pipe()

    def count(frame: object, event: str, called: object) -> None:
        nonlocal counted
        if event == "c_call" and getattr(called, "__name__", "") in _CHANGES:
            counted += 1
            if counted == change:
                os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            sys.setprofile(count)
            work()
        finally:
            sys.setprofile(None)
            os.write(writing, str(counted).encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        return int(said.read() or 0)


def moments(work: Callable[[], object], count: int) -> list[int]:
    """Do work once, and return so many of its changes, from the first to the last, at which `kill_at` can kill it."""
    changes = kill_at(work, None)
    assert changes > count
    return [1 + changes * number // count for number in range(count)]
