"""Tells what the updater notes as events of the cluster, so that one stream tells everything."""

from __future__ import annotations

from kboot_clusterdesc import EventKind

from .fleet import Fleet
from .releases import updater_events


class UpdaterNotes:
    """What the updater has noted; what it had noted before this began was told then."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._told = set(updater_events(fleet.settings.images))

    def tell(self) -> None:
        """Keep as events what the updater noted since the last look."""
        noted = updater_events(self._fleet.settings.images)
        for at, kind, detail in noted:
            if (at, kind, detail) not in self._told:
                self._fleet.tell(EventKind.RELEASE, None, what=kind, detail=detail)
        self._told = set(noted)
