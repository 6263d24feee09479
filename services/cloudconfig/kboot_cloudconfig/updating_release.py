"""The release that installed machines can come to."""

from __future__ import annotations

from .fleet import Fleet
from .releases import payload_of


def updating_release(fleet: Fleet) -> str | None:
    """Return the release in force, once its update payload is whole here."""
    release = fleet.release_in_force()
    if release is None or payload_of(fleet.settings.images, fleet.desc(), release) is None:
        return None
    return release
