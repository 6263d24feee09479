"""How many votes are left without one member."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from kboot.etcd.quorum import Voters
from kboot.running.cluster_health import PartHealth

_WELL = ("node1", "node2", "node3", "node4", "node5")


def voters(number: int, *unwell: str, listed: int = 0, new: Collection[str] = ()) -> Voters:
    """So many declared members, and those that have no vote, or are `new` to etcd."""
    members = tuple(PartHealth(name, name not in unwell and name not in new) for name in _WELL[:number])
    return Voters(members, listed, newcomers=frozenset(new))


@pytest.mark.parametrize(
    ("found", "standing", "quorum"),
    [
        (voters(1), 0, 1),
        (voters(3), 2, 2),
        (voters(3, "node1"), 2, 2),  # the one that goes counts once
        (voters(3, "node2"), 1, 2),
        (voters(5, "node2"), 3, 3),
        (voters(5, "node2", "node3"), 2, 3),
        (voters(3, listed=2), 2, 2),
        (voters(3, listed=1, new=("node2", "node3")), 0, 1),
        (voters(3, listed=2, new=("node1",)), 2, 2),  # it was taken out, and comes back
        (voters(3, listed=4), 2, 3),  # one that is declared no longer still counts
    ],
)
def test_what_is_left_is_counted_against_all_who_have_a_vote(found: Voters, standing: int, quorum: int) -> None:
    assert (found.standing(without="node1"), found.quorum) == (standing, quorum)


def test_who_is_missing_is_named_but_for_the_one_that_goes() -> None:
    assert [part.name for part in voters(5, "node1", "node4").missing(besides="node1")] == ["node4"]
