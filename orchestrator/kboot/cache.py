"""Where builds keep what is slow to make, outside of any clone."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """What builds keep: $KBOOT_CACHE or ~/.cache/kboot, as scripts/setup.sh has it."""
    named = os.environ.get("KBOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kboot"


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """`place`, filled by `make` where it is missing: whole or not there, whenever a run is cut off.

    `make` gets a path beside it, of which nothing exists yet; a file or a folder is to stand there in the end. Another
    process that wants the same waits and finds it made. The lock ends with its process.
    """
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as scratch:
                made = Path(scratch) / place.name
                make(made)
                made.rename(place)
    return place
