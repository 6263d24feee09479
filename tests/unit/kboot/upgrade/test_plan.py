"""Which nodes an upgrade takes, in which order, and what it refuses to begin with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.upgrade.plan import NodeState, Plan, plan_upgrade
from kboot_clusterdesc import Role

NEW, OLD = "v1.36.2", "v1.35.4"
_ROLES = st.sets(st.sampled_from(list(Role)), min_size=1).map(lambda roles: tuple(sorted(roles)))


@st.composite
def fleets(draw: st.DrawFn) -> list[NodeState]:
    """Nodes in every state."""
    return [
        NodeState(
            f"n{number}",
            draw(_ROLES),
            is_installed=draw(st.booleans()),
            kubelet=draw(st.sampled_from([NEW, OLD, None])),
            is_ready=draw(st.booleans()),
            is_current=draw(st.booleans()),
            is_begun=draw(st.booleans()),
            unwell=draw(st.sampled_from([None, "its API server is not ready"])),
        )
        for number in range(draw(st.integers(0, 9)))
    ]


def node(name: str, *roles: Role, kubelet: str | None = OLD, is_current: bool = False) -> NodeState:
    """A node that is well."""
    return NodeState(name, roles or (Role.WORKER,), kubelet=kubelet, is_ready=True, is_current=is_current)


def names(plan: Plan) -> list[list[str]]:
    """Who is in which batch."""
    return [[work.name for work in batch] for batch in plan.batches]


@given(fleets(), st.integers(1, 5))
def test_every_node_is_done_or_left_out_or_in_one_batch(nodes: list[NodeState], batch: int) -> None:
    plan = plan_upgrade(NEW, nodes, batch)
    planned = [name for each in names(plan) for name in each]
    assert sorted([*planned, *plan.done, *plan.left_out]) == sorted(each.name for each in nodes)
    done = {each.name for each in nodes if each.kubelet == NEW and each.is_current and not each.is_begun}
    assert set(plan.done) == done - set(plan.left_out)


@given(fleets(), st.integers(1, 5))
def test_control_planes_come_first_and_no_two_that_matter_at_once(nodes: list[NodeState], batch: int) -> None:
    plan = plan_upgrade(NEW, nodes, batch)
    assert all(1 <= len(each) <= batch for each in plan.batches)
    ranks = []
    for each in plan.batches:
        alone = {Role.CONTROL_PLANE, Role.ETCD} & {role for work in each for role in work.roles}
        assert len(each) == 1 or not alone
        ranks.append(0 if Role.CONTROL_PLANE in alone else 1 if Role.ETCD in alone else 2)
    assert ranks == sorted(ranks)
    planes = [work for each in plan.batches for work in each if Role.CONTROL_PLANE in work.roles]
    assert [work.applies_addons for work in planes] == [False] * (len(planes) - 1) + [True] * bool(planes)


@given(fleets(), st.integers(1, 5), st.data())
def test_the_same_command_goes_on_where_a_run_stopped(nodes: list[NodeState], batch: int, data: st.DataObject) -> None:
    plan = plan_upgrade(NEW, nodes, batch)
    count = data.draw(st.integers(0, len(plan.batches)))
    finished = {work.name for each in plan.batches[:count] for work in each}
    later = [
        replace(each, kubelet=NEW, is_current=True, is_ready=True, is_begun=False) if each.name in finished else each
        for each in nodes
    ]
    assert names(plan_upgrade(NEW, later, batch)) == names(plan)[count:]


@given(fleets(), st.integers(1, 5))
def test_nothing_begins_while_a_node_is_away_that_no_run_has_begun_with(nodes: list[NodeState], batch: int) -> None:
    plan = plan_upgrade(NEW, nodes, batch)
    away = {
        each.name
        for each in nodes
        if each.is_installed
        and (each.kubelet is None or (not each.is_begun and (not each.is_ready or each.unwell is not None)))
    }
    assert {reason.partition(":")[0] for reason in plan.blocked} == (away if plan.batches else set())


def test_a_batch_is_of_workers_alone() -> None:
    nodes = [
        node("w1"),
        node("e1", Role.ETCD),
        node("c1", Role.CONTROL_PLANE, Role.ETCD),
        node("w2"),
        node("c2", Role.CONTROL_PLANE, Role.WORKER),
        node("w3"),
    ]
    assert names(plan_upgrade(NEW, nodes, 2)) == [["c1"], ["c2"], ["e1"], ["w1", "w2"], ["w3"]]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (node("w1", kubelet=NEW, is_current=True), None),
        (node("w1", kubelet=NEW), (True, True)),
        (node("w1", is_current=True), (True, True)),
        (replace(node("w1", kubelet=NEW, is_current=True), is_begun=True), (False, False)),
        (replace(node("w1"), is_begun=True), (True, True)),
        (replace(node("w1"), is_begun=True, is_ready=False), (True, False)),
    ],
    ids=["done", "old config", "old version", "not ended", "begun", "begun and away"],
)
def test_what_a_node_still_needs(state: NodeState, expected: tuple[bool, bool] | None) -> None:
    plan = plan_upgrade(NEW, [state], 1)
    assert [(work.applies, work.drains) for batch in plan.batches for work in batch] == ([expected] if expected else [])


def test_what_a_run_began_is_ended_first() -> None:
    nodes = [node("w1"), node("w2"), replace(node("w3"), is_begun=True), node("c1", Role.CONTROL_PLANE)]
    assert names(plan_upgrade(NEW, nodes, 1)) == [["c1"], ["w3"], ["w1"], ["w2"]]
