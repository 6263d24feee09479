"""Keeps a step of a machine's update, and tells it: the machine's own word, or what its report after a boot shows."""

from __future__ import annotations

from ipaddress import IPv4Address

from kboot_clusterdesc import EventKind, Mac
from kboot_clusterdesc.os_release import release_number

from .fleet import Fleet
from .machine import Machine
from .presence import RUNS
from .update_history import Entry
from .update_step import Step


def note_step(fleet: Fleet, mac: Mac, entry: Entry, address: IPv4Address | None) -> None:
    """Keep a step of a machine's update, which is an event; what it told last it may tell again without one."""
    if entry.is_like(next(reversed(fleet.updates.history(mac)), None)):
        fleet.updates.add(mac, entry)
        return
    is_own = entry.is_near or entry.is_reported
    if not (fleet.updates.pace if is_own else fleet.updates.pace_elsewhere).note(mac, fleet.now()):
        return
    fleet.updates.add(mac, entry)
    fleet.tell(
        EventKind.UPDATE,
        mac,
        address,
        step=entry.step.value,
        from_version=entry.from_version,
        to_version=entry.to_version,
        detail=entry.error,
    )


def note_boot(fleet: Fleet, before: Machine, after: Machine, address: IPv4Address | None) -> None:
    """Keep what the report of a machine that ran before shows: that it runs another release now."""
    if before.phase not in RUNS or not before.version or not after.version or before.version == after.version:
        return
    try:
        is_newer = release_number(after.version) > release_number(before.version)
    except ValueError:
        return
    step = Step.BOOTED if is_newer else Step.ROLLED_BACK
    note_step(fleet, after.mac, Entry(fleet.now(), step, before.version, after.version, is_reported=True), address)
