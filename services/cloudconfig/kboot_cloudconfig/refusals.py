"""What was told already: who asks or fails without end fills neither memory nor the database. Pure."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac

TOLD_EVERY = timedelta(minutes=1)
TOLD_AT_MOST = 500  # events within that time, of all machines
OF_A_MACHINE = 20  # reasons within that time: there are no more machines with any than nodes
STEPS_OF_A_BOOT = 50  # that are known again; an install has a handful

_Key = tuple[Mac | None, IPv4Address | None, str]


class Refusals:
    """The refusals that were told lately, by machine, by the address that asked, and by reason."""

    def __init__(self, at_most: int = TOLD_AT_MOST) -> None:
        self._at_most = at_most
        self._told: dict[_Key, datetime] = {}

    def note(self, mac: Mac | None, address: IPv4Address | None, reason: str, now: datetime) -> bool:
        """Return whether a refusal is to be told: it was not within the last minute, and there is room for it."""
        if self._is_fresh(self._told.get((mac, address, reason)), now):
            return False
        if len(self._told) >= self._at_most:
            self._told = {key: at for key, at in self._told.items() if self._is_fresh(at, now)}
        has_room = len(self._told) < self._at_most
        if has_room:
            self._told[mac, address, reason] = now
        return has_room

    @staticmethod
    def _is_fresh(at: datetime | None, now: datetime) -> bool:
        return at is not None and abs(now - at) < TOLD_EVERY  # a clock that was set back ends nothing for good


class Reasons:
    """The reasons that were kept lately, with room for each node: what others are refused hides no machine's reason."""

    def __init__(self) -> None:
        self._of: defaultdict[Mac, Refusals] = defaultdict(lambda: Refusals(OF_A_MACHINE))

    def note(self, mac: Mac, address: IPv4Address | None, reason: str, now: datetime) -> bool:
        """Return whether the reason of a node is to be kept: it was not within the last minute, and it has room."""
        return self._of[mac].note(mac, address, reason, now)


class Pace:
    """How many words of each machine were kept within a minute: an update has a handful, a broken client no end."""

    def __init__(self, at_most: int = OF_A_MACHINE) -> None:
        self._at_most = at_most
        self._kept: defaultdict[Mac, list[datetime]] = defaultdict(list)

    def note(self, mac: Mac, now: datetime) -> bool:
        """Return whether a word of a machine is to be kept: there is room for it."""
        kept = self._kept[mac] = [at for at in self._kept[mac] if abs(now - at) < TOLD_EVERY]
        has_room = len(kept) < self._at_most
        if has_room:
            kept.append(now)
        return has_room


class Steps:
    """The steps that each machine told since its boot: an install that fails every two minutes takes the same ones."""

    def __init__(self) -> None:
        self._of: dict[Mac, tuple[str, set[str]]] = {}

    def note(self, mac: Mac, boot: str, step: str) -> bool:
        """Return whether a step is to be told: the machine did not tell it since it was given the boot value `boot`."""
        of, told = self._of.get(mac, (boot, set()))
        known = told if of == boot else set()
        is_new = step not in known
        if len(known) < STEPS_OF_A_BOOT:
            known.add(step)
        self._of[mac] = boot, known
        return is_new
