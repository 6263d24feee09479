"""Where builds keep what is slow to make, outside of any clone."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """What builds keep: $KBOOT_CACHE or ~/.cache/kboot, as scripts/setup.sh has it."""
    named = os.environ.get("KBOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kboot"


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Wait for every other process that works at `place`, which need not exist. The lock beside it stays as a file,
    and is free once its process has ended."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """`place`, filled by `make` where it is missing: whole or not there, whenever a run is ended.

    `make` gets a path beside it, of which nothing exists yet; a file or a folder is to stand there in the end. Another
    process that wants the same waits and finds it made.
    """
    if place.exists():
        return place
    with one_at_a_time(place):
        if not place.exists():
            for left in place.parent.glob(f".{place.name}-*"):  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as scratch:
                made = Path(scratch) / place.name
                make(made)
                made.rename(place)
    return place
