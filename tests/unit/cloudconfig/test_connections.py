"""Who has to go when there are as many connections as may be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kboot_cloudconfig.connections import Connections


@dataclass(eq=False)
class Peer:
    """A connection as the rule sees it."""

    address: str
    waiting_since: float = 0
    is_silent: bool = True


def connections(*peers: Peer) -> Connections[Peer]:
    """All of them open."""
    made: Connections[Peer] = Connections(100)
    for peer in peers:
        made.add(peer)
    return made


def test_a_flood_from_one_address_costs_that_address_its_silent_ones() -> None:
    flood = [Peer("stranger", is_silent=number % 2 == 0) for number in range(60)]
    others = [Peer(f"node{number}") for number in range(40)]
    going = connections(*others, *flood).expendable(now=1)
    assert going == [peer for peer in flood if peer.is_silent][:16]


def test_a_flood_that_is_never_silent_costs_that_address_its_youngest() -> None:
    flood = [Peer("stranger", is_silent=False) for _ in range(60)]
    assert connections(Peer("node", is_silent=False), *flood).expendable(now=100) == [flood[-1]]


def test_machines_that_came_just_now_all_stay() -> None:
    assert connections(*(Peer(f"node{number}", waiting_since=95) for number in range(100))).expendable(now=100) == []


def test_machines_that_are_answered_all_stay() -> None:
    assert connections(*(Peer(f"node{number}", is_silent=False) for number in range(100))).expendable(now=100) == []


def test_whoever_has_been_silent_for_long_goes_the_longest_first() -> None:
    peers = [Peer(f"stranger{number}", waiting_since=50 - number) for number in range(50)]
    assert connections(*peers, Peer("node", waiting_since=99)).expendable(now=100) == peers[:-17:-1]


def test_an_address_that_has_more_than_a_machine_needs_goes_before_newcomers_wait() -> None:
    some = [Peer("stranger", is_silent=False) for _ in range(5)]
    assert connections(*some, Peer("node", is_silent=False)).expendable(now=100) == [some[-1]]


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_counts_until_it_is_discarded(times: int) -> None:
    first, second = Peer("node"), Peer("node")
    open_ones = connections(first, second)
    for _ in range(times):
        open_ones.discard(first)
    assert (len(open_ones), open_ones.all()) == (1, [second])
