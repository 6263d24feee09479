"""Where builds keep what is slow to make, outside of any clone."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """What builds keep: $KBOOT_CACHE or ~/.cache/kboot, as scripts/setup.sh has it."""
    named = os.environ.get("KBOOT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "kboot"


def keep(made: Path, place: Path) -> None:
    """Move what a build made to its place in the cache, whole; where another run was first, its is as good."""
    try:
        made.rename(place)
    except OSError:
        if not place.exists():
            raise
