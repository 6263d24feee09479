"""What the server knows of the machines' updates: their histories, their last checks, and who was where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import Generic, NamedTuple, TypeVar

from kboot_clusterdesc import Mac

from .api import UpdateState
from .event import rfc3339
from .refusals import Pace, Refusals
from .update_history import Entry, History
from .update_table import UpdateTable

Sign = TypeVar("Sign")


@dataclass(frozen=True, slots=True)
class Check:
    """A machine's last update check, and why it was offered nothing; None where it was offered a release."""

    at: datetime
    reason: str | None


class ShownUpdate(NamedTuple):
    """What is shown of a machine's update."""

    check: Check | None
    steps: History

    def newest(self) -> ShownUpdate:
        """Return this with the newest step alone."""
        return self if len(self.steps) < 2 else ShownUpdate(self.check, self.steps[-1:])

    @property
    def state(self) -> UpdateState:
        """The form of it."""
        return {
            "checked": rfc3339(self.check.at) if self.check else None,
            "reason": self.check.reason if self.check else None,
            "steps": [entry.state for entry in self.steps],
        }


class _Newest(Generic[Sign]):
    """The newest sign of each machine: who makes up others without end fills no memory."""

    def __init__(self) -> None:
        self._of: dict[Mac, Sign] = {}
        self._macs: dict[Sign, Mac] = {}

    def note(self, mac: Mac, sign: Sign) -> None:
        """Note a sign of a machine, which is no other one's from then on."""
        before = self._of.get(mac)
        if before is not None and self._macs.get(before) == mac:
            del self._macs[before]
        self._of[mac] = sign
        self._macs[sign] = mac

    def mac_of(self, sign: Sign) -> Mac | None:
        """Return the machine of that sign."""
        return self._macs.get(sign)


class Updates:
    """The histories are kept; the rest is in memory, and comes again with the machines' next words."""

    def __init__(self, table: UpdateTable) -> None:
        self._table = table
        self._machine_ids, self._addresses = _Newest[str](), _Newest[IPv4Address]()
        self.checks: dict[Mac, Check] = {}
        self.odd, self.pace = Refusals(), Pace()
        self.pace_elsewhere = Pace()  # of what is told in a machine's name from no address of its own

    def history(self, mac: Mac) -> History:
        """Return the last steps of a machine's updates, oldest first."""
        return self._table.history(mac)

    def hand_on(self, before: Mac, after: Mac) -> None:
        """Keep the history of a machine under the MAC by which it is known from now on."""
        self._table.hand_on(before, after)

    def add(self, mac: Mac, entry: Entry) -> bool:
        """Keep a step; return whether it is new, and not the newest told once more."""
        return self._table.add(mac, entry)

    def shown(self, mac: Mac) -> ShownUpdate:
        """Return what is shown of a machine's update."""
        return ShownUpdate(self.checks.get(mac), self.history(mac))

    def note_address(self, mac: Mac, address: IPv4Address | None) -> None:
        """Note where a machine was that showed its report token."""
        if address is not None:
            self._addresses.note(mac, address)

    def note_machine_id(self, mac: Mac, machine_id: str) -> None:
        """Note the machine-id(5) of the machine whose own address asked."""
        if machine_id:
            self._machine_ids.note(mac, machine_id)

    def machine_of(self, address: IPv4Address | None, machine_id: str) -> tuple[Mac | None, bool]:
        """Return the machine that was at `address`, else that has the machine-id; and whether it is by the address."""
        known = self._addresses.mac_of(address) if address is not None else None
        return (known, True) if known is not None else (self._machine_ids.mac_of(machine_id), False)
