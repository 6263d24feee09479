"""The numbers of OS releases, and what a release can do by its number."""

from __future__ import annotations

IGNITION_V3_SINCE = (3185, 0, 0)  # the first Flatcar release that reads Ignition spec 3; older ones read spec 2 alone


def release_number(version: str) -> tuple[int, ...]:
    """The three numbers of `3975.2.0+nightly`, to compare releases by."""
    return tuple(int(part) for part in version.partition("+")[0].split("."))
