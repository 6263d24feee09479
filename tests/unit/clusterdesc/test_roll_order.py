"""The order in which machines go down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kboot_clusterdesc import Role
from kboot_clusterdesc.roll_order import First, batches, is_counted, roll_groups

_ROLES = {
    "w": (Role.WORKER,),
    "c": (Role.CONTROL_PLANE,),
    "e": (Role.ETCD,),
    "b": (Role.CONTROL_PLANE, Role.ETCD),
}


def _order(machines: list[str], first: First, at_once: int = 1, begun: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    groups = roll_groups(machines, lambda name: _ROLES[name[0]], first, at_once, is_begun=lambda name: name in begun)
    return batches(groups)


def test_kubernetes_begins_with_the_control_planes_and_the_os_with_the_workers() -> None:
    machines = ["w1", "e1", "b1", "w2", "c1"]
    assert _order(machines, First.CONTROL_PLANES, 2) == [("b1",), ("c1",), ("e1",), ("w1", "w2")]
    assert _order(machines, First.WORKERS, 2) == [("w1", "w2"), ("b1",), ("c1",), ("e1",)]


def test_who_was_begun_before_comes_first_in_its_group() -> None:
    assert _order(["w1", "w2", "c1", "c2"], First.WORKERS, begun=("c2", "w2")) == [("w2",), ("w1",), ("c2",), ("c1",)]


@given(st.lists(st.sampled_from("wceb"), max_size=20), st.sampled_from(First), st.integers(1, 5))
def test_each_machine_goes_once_and_those_on_which_the_cluster_counts_alone(
    kinds: list[str], first: First, at_once: int
) -> None:
    machines = [f"{kind}{number}" for number, kind in enumerate(kinds)]
    order = _order(machines, first, at_once)
    assert sorted(name for batch in order for name in batch) == sorted(machines)
    for batch in order:
        assert len(batch) <= at_once
        assert len(batch) == 1 or not any(is_counted(_ROLES[name[0]]) for name in batch)
