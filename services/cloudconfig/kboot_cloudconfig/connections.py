"""Keeps the open connections, and names those that have to end so that another can come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Generic, Protocol, TypeVar

_FEW, _MANY = 2, 8  # what a machine has open at a time, and what a browser has
_FRESH_S = 10.0  # a connection this young is about to ask, and the server itself may be late
_AT_ONCE = 16


class Peer(Protocol):
    """A connection, as far as its place is concerned."""

    address: str
    waiting_since: float  # the loop's time

    @property
    def is_silent(self) -> bool:
        """Whether nothing is lost when the connection ends."""


P = TypeVar("P", bound=Peer)


class Connections(Generic[P]):
    """The open connections, `most` at a time; above that the address that holds most of them makes room."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._of: dict[str, dict[P, None]] = {}  # by address, each in the order of their coming
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def all(self) -> list[P]:
        """Every open connection."""
        return [each for those in self._of.values() for each in those]

    def add(self, peer: P) -> None:
        """Add an open connection."""
        self._of.setdefault(peer.address, {})[peer] = None
        self._count += 1

    def discard(self, peer: P) -> None:
        """Remove a connection that has ended; one that was removed before is passed over."""
        those = self._of.get(peer.address, {})
        if peer in those:
            del those[peer]
            self._count -= 1
            if not those:
                del self._of[peer.address]

    def expendable(self, now: float) -> list[P]:
        """Return the connections that have to end, several at once since a flood is not worth a search for each.

        First the silent ones of an address that has many, else its youngest; then those that have been silent for a
        while; then the youngest of an address that has more than a machine needs. None, where all deserve to stay.
        """
        those = max(self._of.values(), key=len, default={})
        youngest = [next(reversed(those))] if len(those) > _FEW else []
        if len(those) > _MANY:
            silent = (each for each in those if each.is_silent)
            return list(islice(silent, min(_AT_ONCE, len(those) - _MANY))) or youngest
        return _longest_silent(self.all(), now) or youngest


def _longest_silent(peers: Iterable[P], now: float) -> list[P]:
    silent = [each for each in peers if now - each.waiting_since > _FRESH_S and each.is_silent]
    return sorted(silent, key=lambda each: each.waiting_since)[:_AT_ONCE]
