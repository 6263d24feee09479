"""The formats of a cluster's folder, and what leads from each to the next. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder that lies elsewhere from a format on; both paths are relative to the cluster's folder."""

    source: str
    target: str


# The moves from format 0, which no file names, to format 1, and so on: what is released here never changes again.
# Each is one rename, so that a run that was killed goes on where it ended, and a secret is in one place or the other.
MIGRATIONS: tuple[tuple[Move, ...], ...] = ((),)  # format 1: the stamp is there, and all else lies as it did

FORMAT = len(MIGRATIONS)
