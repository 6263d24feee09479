"""Says whose turn it is to take a new OS, by what the description wants."""

from __future__ import annotations

from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import RebootStrategy

from .fleet import Fleet
from .releases import NO_RELEASE
from .update_offer import Turn


def turn_of(fleet: Fleet, mac: Mac) -> Turn:
    """Return the release that a machine may take now, or why it is to take none."""
    if fleet.desc().os.update.reboot_strategy is RebootStrategy.ROLLOUT:
        return Turn(None, "no rollout was started")
    return Turn(fleet.release_in_force(), NO_RELEASE)
