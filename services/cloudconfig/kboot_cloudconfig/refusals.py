"""Which refusals were told within the last minute: who asks without end fills neither memory nor the database. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv4Address

from kboot_clusterdesc import Mac

TOLD_EVERY = timedelta(minutes=1)
TOLD_AT_MOST = 500  # within that time, of all machines

_Key = tuple[Mac | None, IPv4Address | None, str]


class Refusals:
    """The refusals that were told lately, by machine, by the address that asked, and by reason."""

    def __init__(self) -> None:
        self._told: dict[_Key, datetime] = {}

    def note(self, mac: Mac | None, address: IPv4Address | None, reason: str, now: datetime) -> bool:
        """Return whether a refusal is to be told: it was not within the last minute, and there is room for it."""
        if self._is_fresh(self._told.get((mac, address, reason)), now):
            return False
        if len(self._told) >= TOLD_AT_MOST:
            self._told = {key: at for key, at in self._told.items() if self._is_fresh(at, now)}
        has_room = len(self._told) < TOLD_AT_MOST
        if has_room:
            self._told[mac, address, reason] = now
        return has_room

    @staticmethod
    def _is_fresh(at: datetime | None, now: datetime) -> bool:
        return at is not None and abs(now - at) < TOLD_EVERY  # a clock that was set back ends nothing for good
