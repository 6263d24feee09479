"""Which connections are open, and who has to go so that another may come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Generic, Protocol, TypeVar

_FEW, _MANY = 2, 8  # what a machine has open at a time, and what a browser has
_FRESH_S = 10.0  # who came so lately is about to ask, and the server itself may be late
_AT_ONCE = 16


class Peer(Protocol):
    """What is asked of a connection."""

    address: str
    waiting_since: float  # the loop's time

    @property
    def is_silent(self) -> bool:
        """Whether nothing is lost with it."""


P = TypeVar("P", bound=Peer)


class Connections(Generic[P]):
    """There are to be `most`; one more, and the address that has most of them makes room."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._of: dict[str, dict[P, None]] = {}  # by address, each in the order of their coming
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def all(self) -> list[P]:
        """Every open one."""
        return [each for those in self._of.values() for each in those]

    def add(self, peer: P) -> None:
        """Count one more."""
        self._of.setdefault(peer.address, {})[peer] = None
        self._count += 1

    def discard(self, peer: P) -> None:
        """Count it no more; one that is not counted is left alone."""
        those = self._of.get(peer.address, {})
        if peer in those:
            del those[peer]
            self._count -= 1
            if not those:
                del self._of[peer.address]

    def expendable(self, now: float) -> list[P]:
        """Who is to go, several at a time, since a flood is not worth a search for each. Empty: all deserve to stay.

        Of an address that has many its silent ones, else its youngest; then whoever has been silent for a while; then
        the youngest of an address that has more than a machine needs.
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
