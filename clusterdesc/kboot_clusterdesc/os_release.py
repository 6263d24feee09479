"""The numbers of OS releases, and which of them read Ignition spec 3."""

from __future__ import annotations

IGNITION_V3_SINCE = (3185, 0, 0)  # the first Flatcar release that reads Ignition spec 3; older ones read spec 2 alone


def release_number(version: str) -> tuple[int, ...]:
    """Return the numbers of a release to compare by: `3975.2.0+nightly` -> (3975, 2, 0); ValueError if not numeric."""
    return tuple(int(part) for part in version.partition("+")[0].split("."))
