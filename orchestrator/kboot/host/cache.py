"""The cache in which builds keep what is slow to make, outside of any clone."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The folders in the cache: of bundles, of the lab, of the images, and Compose, which scripts/setup.sh brings.
KINDS = ("bundle", "compose", "images", "kubernetes", "lab-os", "node-images", "promtool", "python", "sbom")


def cache_folder() -> Path:
    """Return the folder of the cache: $KBOOT_CACHE or ~/.cache/kboot, as scripts/setup.sh has it."""
    named = os.environ.get("KBOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kboot"


def contents() -> list[Path]:
    """Return what the cache holds, and the link to Compose there. What else is in that folder is not of kboot."""
    found = [path for name in KINDS if (path := cache_folder() / name).exists()]
    plugin = Path.home() / ".docker" / "cli-plugins" / "docker-compose"
    leads_here = plugin.is_symlink() and plugin.readlink().is_relative_to(cache_folder())
    return [*found, plugin] if leads_here else found


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Hold the lock of `place`, once no other process does; `place` need not exist.

    The lock's file stays beside `place`, and is free once the process that held it has ended.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(place: Path, make: Callable[[Path], None]) -> Path:
    """Return `place`, filled by `make` where it is missing; a run that is killed leaves it whole or not there.

    `make` gets a path beside `place` at which nothing exists yet, and makes a file or a folder there. Another process
    that wants `place` waits and finds it made.
    """
    if place.exists():
        return place
    with one_at_a_time(place):
        if not place.exists():
            for left in place.parent.glob(f".{place.name}-*"):  # left by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as scratch:
                made = Path(scratch) / place.name
                make(made)
                made.rename(place)
    return place
