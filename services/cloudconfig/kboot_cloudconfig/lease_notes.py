"""Notes the leases that dnsmasq gave: a declared machine becomes `leased`, an undeclared one is discovered."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import Phase

from . import machine as life
from .fleet import Fleet
from .leases import LeaseEntry
from .node_index import NodeIndex

_AT_ONCE = 200  # some milliseconds


class LeaseNotes:
    """The leases as they were noted last: a look is at what changed since, or at all of them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._noted_by: NodeIndex | None = None

    def look_at_all(self) -> None:
        """Have the next look be at all leases, as it is after a fault, and once the description has changed."""
        self._noted_by = None

    def note(self) -> None:
        """Look at once, without a turn for anybody else."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Look at leases that changed and machines that wait anew; yields now and then, for others to have a turn."""
        fleet = self._fleet
        now, index = fleet.now(), fleet.index()
        renewed, waiting = fleet.leases.renewed(now), fleet.store.take_waiting()
        before_by, self._noted_by = self._noted_by, None  # a fault on the way: the next look is at all
        if index is before_by:
            cards = {card for mac in waiting for card in (index.by_mac[mac].macs if mac in index.by_mac else (mac,))}
            entries = [entry for mac in renewed | cards if (entry := fleet.leases.lease_of(mac, now))]
        else:
            entries = fleet.leases.standing(now)
        for number, entry in enumerate(entries, 1):
            if number % _AT_ONCE == 0:
                yield
            self._note(entry, index, is_renewed=entry.mac in renewed)
        self._noted_by = index

    def _note(self, entry: LeaseEntry, index: NodeIndex, *, is_renewed: bool) -> None:
        fleet, now = self._fleet, self._fleet.now()
        if entry.mac in index.by_mac or fleet.store.joined.has(entry.mac):
            before = fleet.machine(index.identity(entry.mac))
            fleet.keep(before, life.got_lease(before, now), entry.ip)
            if is_renewed:
                fleet.hear(before.mac)
        elif not index.desc.ignores(entry.mac) and fleet.store.discover(entry, now):
            fleet.tell(Phase.DISCOVERED, entry.mac, entry.ip)
