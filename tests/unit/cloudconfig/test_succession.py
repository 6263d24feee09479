"""Which state a machine has after its cards were declared anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kboot_cloudconfig.machine import (
    arm,
    booted_from_disk,
    declared,
    declared_in_doubt,
    fetched_boot_script,
    finished_install,
)
from kboot_cloudconfig.node_index import NodeIndex
from kboot_cloudconfig.succession import recarded, succession, told_cards
from kboot_clusterdesc import Mac, load_text
from kboot_clusterdesc.phase import CARDS_CHANGED

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C, D, X = (Mac(f"52:54:00:00:00:0{number}") for number in range(1, 6))
_DESCRIPTION = """
apiVersion: kboot/v1
cluster: {name: ail, domain: ail.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
nodes:
"""


def index_of(*nodes: tuple[Mac, ...]) -> NodeIndex:
    """A description whose nodes have these cards, the one that each is known by first."""
    lines = (
        f"  - {{mac: '{mac}', more_macs: {[str(each) for each in more]}, name: node{number}, roles: [worker]}}\n"
        for number, (mac, *more) in enumerate(nodes, 1)
    )
    return NodeIndex.of(load_text(_DESCRIPTION + "".join(lines), "rack.yaml"))


BEFORE = index_of((A, B), (C, D))
RUNS = booted_from_disk(finished_install(declared(A, NOW), NOW), "c", "1.0.0", NOW)


@pytest.mark.parametrize("mac", [B, X])
def test_a_machine_is_the_same_by_its_other_card_and_by_a_new_one(mac: Mac) -> None:
    found = succession(mac, None, [RUNS], BEFORE, NOW)
    assert (found.before, found.states) == (A, (replace(RUNS, mac=mac, was=(A,)),))


def test_a_machine_is_known_by_each_mac_that_its_config_may_have_until_it_is_installed_again() -> None:
    (second,) = succession(B, None, [RUNS], BEFORE, NOW).states
    (third,) = succession(X, None, [second], index_of((B,), (C, D)), NOW).states
    assert third.was == (B, A)
    assert succession(A, None, [third], index_of((X,), (C, D)), NOW).states[0].was == (X, B)
    armed = arm(third, NOW)
    assert (armed.was, finished_install(armed, NOW).was) == ((B, A), ())
    (doubt,) = succession(B, None, [RUNS, replace(RUNS, mac=C)], BEFORE, NOW).states
    assert doubt.was == (A, C)


def test_what_a_machine_told_of_its_cards_counts_without_a_description_before() -> None:
    told = replace(RUNS, cards=({"name": "eth1", "mac": B},))
    assert succession(B, None, [told], None, NOW).before == A


def test_a_card_of_another_node_is_no_sign_and_arms_nobody() -> None:
    armed = replace(RUNS, mac=C, armed=True)
    doubted, fresh = succession(B, None, [armed], BEFORE, NOW).states
    assert [(each.mac, each.armed, each.reason) for each in (doubted, fresh)] == [
        (C, False, CARDS_CHANGED),
        (B, False, CARDS_CHANGED),
    ]


def test_two_machines_that_ran_are_not_one() -> None:
    found = succession(B, None, [RUNS, replace(RUNS, mac=C)], BEFORE, NOW)
    assert (found.before, [state.reason for state in found.states]) == (None, [CARDS_CHANGED])


def test_a_machine_in_doubt_that_the_operator_armed_stays_armed() -> None:
    own = arm(declared_in_doubt(B, NOW, CARDS_CHANGED), NOW)
    assert succession(B, own, [RUNS], BEFORE, NOW).states == ()


def test_a_machine_that_was_never_heard_of_leaves_nothing_behind() -> None:
    assert succession(B, None, [declared(A, NOW)], BEFORE, NOW).states == ()


def test_who_ran_by_its_own_name_keeps_its_state_and_the_other_is_armed_no_more() -> None:
    other = replace(RUNS, mac=B, armed=True)
    (state,) = succession(A, RUNS, [other], BEFORE, NOW).states
    assert (state.mac, state.armed) == (B, False)


def others_of(index: NodeIndex, before: NodeIndex | None, *kept: Mac) -> list[set[Mac]]:
    """By which other MACs each node's machine may be known."""
    return [set(others) for _, others in recarded(index, before, set(kept), {})]


def test_a_machine_whose_first_card_is_a_new_one_is_known_by_any_that_it_had() -> None:
    assert others_of(index_of((X, B), (C, D)), BEFORE, A, C) == [{A}]
    assert others_of(index_of((B, D), (A, C)), BEFORE, A, C) == [{A, C}, {C}]


def test_who_told_of_a_card_may_be_the_machine_that_has_it_alone() -> None:
    told = told_cards([replace(RUNS, cards=({"name": "eth0", "mac": A}, {"name": "eth1", "mac": B}))])
    found = recarded(index_of((B,), (C, D)), None, {A, C}, told)
    assert [(node.mac, others) for node, others in found] == [(B, [A])]


def test_a_state_by_which_another_node_is_known_stays_where_it_is_and_arms_nobody() -> None:
    (state,) = succession(B, None, [replace(RUNS, armed=True)], BEFORE, NOW, {A}).states
    assert (state.mac, state.armed, state.reason) == (B, False, CARDS_CHANGED)


def test_an_arming_that_was_meant_for_another_machine_installs_nobody() -> None:
    ran = replace(RUNS, mac=C, phases={}, boot_partition="8b1c5a4e-0000-4000-8000-000000000001")
    for own in (arm(ran, NOW, (C, D)), replace(ran, armed=True)):
        (state,) = succession(C, own, [RUNS], BEFORE, NOW).states
        assert (state.mac, state.armed, state.reason) == (C, False, CARDS_CHANGED)
        assert (state.boot_partition, state.may_be_installed) == (None, True)  # of the machine that had the card
    known = arm(ran, NOW, (C, A))
    assert succession(C, known, [RUNS], BEFORE, NOW).states == ()


def test_an_arming_follows_a_machine_within_its_node_alone() -> None:
    armed = arm(replace(RUNS, mac=C), NOW, (C, D))
    assert succession(D, None, [armed], BEFORE, NOW, name="node2").before == C
    doubted, fresh = succession(X, None, [armed], BEFORE, NOW, name="node1").states
    assert [(each.mac, each.armed) for each in (doubted, fresh)] == [(C, False), (X, False)]
    told = replace(armed, cards=({"name": "eth1", "mac": X},))
    assert [state.armed for state in succession(X, None, [told], None, NOW, name="node1").states] == [False, False]


def test_the_first_install_of_a_joined_machine_goes_on_by_the_card_that_it_is_declared_with() -> None:
    installs = replace(fetched_boot_script(declared(X, NOW), "1.0.0", "a" * 64, NOW), cards=({"name": "e1", "mac": B},))
    before, name = index_of((C, D)), "node2"
    found = succession(B, None, [installs], before, NOW, name=name, joined={X})
    assert (found.before, found.states) == (X, (replace(installs, mac=B, was=(X,)),))
    ran = arm(replace(RUNS, mac=X, cards=installs.cards), NOW, (X,))
    for joined, known, machine in (({X}, None, installs), (set(), before, installs), ({X}, before, ran)):
        states = succession(B, None, [machine], known, NOW, name=name, joined=joined).states
        assert not any(state.armed for state in states)
    silent = replace(installs, cards=())
    assert not succession(B, None, [silent], before, NOW, name=name, joined={X}).states[-1].armed
    of_a_node = index_of((C, D), (X, A))
    assert not succession(B, None, [installs], of_a_node, NOW, name="node3", joined={X}).states[-1].armed


def test_the_partition_of_the_machine_that_had_a_card_is_not_looked_for_in_the_one_that_has_it_now() -> None:
    ran = replace(RUNS, mac=C, boot_partition="8b1c5a4e-0000-4000-8000-000000000001")
    for before in (BEFORE, index_of((A, B))):  # the card was another node's, or one of a node that had left
        (state,) = succession(C, ran, [RUNS], before, NOW, name="node1").states
        assert state == replace(ran, boot_partition=None, was=(A,))
    for known, name in ((BEFORE, "node2"), (BEFORE, "renamed"), (None, "node1"), (index_of((A, C)), "node1")):
        assert succession(C, ran, [RUNS], known, NOW, name=name).states == (), "it may be the same one"
