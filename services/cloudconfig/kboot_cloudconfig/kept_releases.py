"""Which releases have to stay in the store, since machines are being installed with them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from kboot_clusterdesc import Phase

from .machine import Machine

_FETCHES = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)
_LASTS = timedelta(days=1)  # one that has not gone on for so long is given another release at its next boot


def releases_in_use(machines: Iterable[Machine], now: datetime) -> frozenset[str]:
    """Return the releases of machines in the middle of an install: each ends with the one that its boot was given."""
    return frozenset(
        machine.release
        for machine in machines
        if machine.armed and machine.phase in _FETCHES and machine.release and now - machine.since < _LASTS
    )
