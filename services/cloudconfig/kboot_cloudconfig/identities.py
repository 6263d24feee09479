"""Has the state of a machine follow it where the description names another of its cards as the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from kboot_clusterdesc import Mac, Node

from .log import log
from .node_index import NodeIndex
from .rollout import handed_on
from .rollouts import Rollouts
from .store import Store
from .succession import Succession, has_told, recarded, succession, told_cards
from .updates import Updates


class Identities:
    """The MACs by which machines are known, as the description that was looked at last has them."""

    def __init__(self, store: Store, updates: Updates, rollouts: Rollouts) -> None:
        self._store, self._updates, self._rollouts = store, updates, rollouts
        self._followed: NodeIndex | None = None

    def has_followed(self, index: NodeIndex) -> bool:
        """Return whether this very description was looked at last."""
        return index is self._followed

    def follow(self, index: NodeIndex, now: datetime) -> list[tuple[Mac, Mac]]:
        """Keep the states of machines under the MACs that a description names, and return each MAC that changed."""
        if self.has_followed(index):
            return []
        before = self._followed
        kept = self._store.kept()
        found = list(recarded(index, before, kept, self._told(index, kept, now)))
        claims = Counter(mac for _, others in found for mac in others)
        taken = {mac for mac, count in claims.items() if count > 1 or self._is_known(index, mac)}
        judged = [(node, self._succession(node, others, kept, now, taken)) for node, others in found]
        changed = list(self._kept(judged))
        self._followed = index
        return changed

    def is_told_of(self, mac: Mac, now: datetime) -> bool:
        """Return whether a machine that is known by another MAC told that it has this card."""
        others = (self._store.machine(Mac(other), now) for other in self._store.kept() if other != mac)
        return any(has_told(machine, mac) for machine in others)

    def cards_of(self, node: Node, now: datetime) -> tuple[Mac, ...]:
        """Return the cards by any of which a node's machine may be known: the node's own, and of who told of these."""
        index, kept = self._followed, self._store.kept()
        told = {} if index is None else self._told(index, kept, now)
        return tuple(dict.fromkeys((*node.macs, *(other for mac in node.macs for other in told.get(mac, ())))))

    def _told(self, index: NodeIndex, kept: set[str], now: datetime) -> dict[str, list[Mac]]:
        """Return who told of which cards, of those that no node is known by: no description need name all cards."""
        gone = (mac for mac in map(Mac, kept) if not index.is_identity(mac))
        return told_cards(self._store.machine(mac, now) for mac in gone)

    def _is_known(self, index: NodeIndex, mac: Mac) -> bool:
        """Return whether a node is known by that MAC: a declared one, or a joined one that is not declared."""
        return index.is_identity(mac) or (mac not in index.by_mac and self._store.joined.has(mac))

    def _succession(self, node: Node, others: list[Mac], kept: set[str], now: datetime, taken: set[Mac]) -> Succession:
        own = self._store.machine(node.mac, now) if node.mac in kept else None
        known = [self._store.machine(mac, now) for mac in others]
        joined = {mac for mac in others if self._store.joined.has(mac)}
        return succession(node.mac, own, known, self._followed, now, taken, node.name, joined)

    def _kept(self, judged: list[tuple[Node, Succession]]) -> Iterator[tuple[Mac, Mac]]:
        for node, found in judged:
            if not found.states:
                continue
            self._store.hand_on(found.states, found.before, partial(self._follow_again, self._followed))
            log("cards-changed", mac=node.mac, before=found.before, problem=found.states[-1].reason)
            if found.before is not None:
                self._updates.hand_on(found.before, node.mac)
                self._rollouts.keep(handed_on(self._rollouts.rollout, found.before, node.mac))
                yield found.before, node.mac

    def _follow_again(self, before: NodeIndex | None) -> None:
        """Look at the cards again: who is not known by what was kept of it would be taken for a new machine."""
        self._followed = before
