"""Which releases have to stay in the store, since machines are being installed with them or come to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from kboot_clusterdesc import Phase

from .machine import Machine
from .rollout import Rollout, State

_FETCHES = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)
_LASTS = timedelta(days=1)  # one that has not gone on for so long is given another release at its next boot


def releases_in_use(machines: Iterable[Machine], now: datetime, rollout: Rollout | None = None) -> frozenset[str]:
    """Return the releases of machines in the middle of an install: each ends with the one that its boot was given.

    The release of a rollout that is not over is in use too, though a newer one came into force meanwhile.
    """
    found = {
        machine.release
        for machine in machines
        if machine.armed and machine.phase in _FETCHES and machine.release and now - machine.since < _LASTS
    }
    if rollout is not None and rollout.release and rollout.state is not State.IDLE:
        found.add(rollout.release)
    return frozenset(found)
