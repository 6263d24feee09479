"""Decides whether a machine that asks may take a release now, and says why not. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kboot_clusterdesc import Phase
from kboot_clusterdesc.model import Os
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.update_payload import UpdatePayload

from .machine import Machine
from .omaha_request import App

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"  # of Flatcar, and of CoreOS before it
INSTALLS = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)


@dataclass(frozen=True, slots=True)
class Turn:
    """The release that a machine may take now; None where it is to take none, and then `reason` says why."""

    version: str | None
    reason: str = ""
    is_given: bool = False  # to this machine by name, by a rollout or `kboot upgrade`


@dataclass(frozen=True, slots=True)
class Nothing:
    """That a machine is offered nothing, and why; `is_odd` where it asked for what nobody here offers."""

    reason: str
    is_odd: bool = False


def offer(
    app: App,
    os: Os,
    machine: Machine | None,
    turn: Turn,
    payload_of: Callable[[str], UpdatePayload | None],
) -> UpdatePayload | Nothing:
    """Return what an app's check is answered. `machine` is that of the node that asks, None where none is known.

    `payload_of` gives the update payload of a release; None while it is not here, whole.
    """
    return _stranger(app, os, turn) or _not_now(os, machine) or _release(app, turn, payload_of)


def _stranger(app: App, os: Os, turn: Turn) -> Nothing | None:
    """Return what of a check does not fit the cluster's OS; what a client leaves out fits.

    The channel is only where a machine's own config has it look, and may be an older one: a given turn goes before it.
    """
    if app.app_id.strip("{}").lower() != APP_ID:
        return Nothing(f"it asks for the app `{app.app_id}`, which is not the OS", is_odd=True)
    if app.board not in ("", os.board):
        return Nothing(f"its board is `{app.board}`, and the cluster's `{os.board}`", is_odd=True)
    if app.track not in ("", os.channel) and not (turn.is_given and turn.version is not None):
        return Nothing(f"it follows the channel `{app.track}`, and the cluster `{os.channel}`", is_odd=True)
    if _number(app.version) is None:
        return Nothing(f"its version `{app.version}` is no number of a release", is_odd=True)
    return None


def _not_now(os: Os, machine: Machine | None) -> Nothing | None:
    if not os.update.enabled:
        return Nothing("os.update.enabled is false")
    if machine is None:
        return Nothing("it is no node, or not at its own address", is_odd=True)
    if machine.armed or machine.phase in INSTALLS:
        return Nothing("it is about to be installed")
    return None


def _release(app: App, turn: Turn, payload_of: Callable[[str], UpdatePayload | None]) -> UpdatePayload | Nothing:
    wanted, own = _number(turn.version or ""), _number(app.version)
    if turn.version is None or wanted is None or own is None:
        return Nothing(turn.reason or f"`{turn.version}` is no number of a release")
    if own >= wanted:
        return Nothing(f"it runs {app.version}" + (f", newer than {turn.version}" if own > wanted else ""))
    payload = payload_of(turn.version)
    return payload or Nothing(f"the update payload of {turn.version} is not here, or not whole")


def _number(version: str) -> tuple[int, ...] | None:
    try:
        return release_number(version)
    except ValueError:
        return None
