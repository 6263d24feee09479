"""Roles: who votes, and who leads."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Role
from unit.clusterdesc.sample import (
    accepted,
    nodes,
    refusal,
    refused_keys,
    with_block,
)


def test_no_control_plane_is_refused_where_kubernetes_is_asked_for() -> None:
    said = refusal(nodes("etcd, worker"))
    assert "nodes: no node is a control plane" in said


def test_no_etcd_member_is_refused_where_kubernetes_is_asked_for() -> None:
    assert "nodes: no node is an etcd member" in refusal(nodes("control-plane", "worker"))


@pytest.mark.parametrize("count", [2, 4])
def test_an_even_number_of_etcd_members_is_refused(count: int) -> None:
    assert f"nodes: {count} etcd members" in refusal(nodes("control-plane, etcd", *["etcd"] * (count - 1)))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_odd_number_of_etcd_members_passes_beside_workers(count: int) -> None:
    desc = accepted(nodes("control-plane, etcd", *["etcd, worker"] * (count - 1)))
    assert all(Role.ETCD in node.roles for node in desc.nodes)


def test_a_fleet_without_kubernetes_needs_neither_but_an_odd_etcd_all_the_same() -> None:
    fleet = nodes("worker").replace("kubernetes: {version: v1.36.2}\n", "")
    accepted(fleet)
    accepted(with_block("nodes", "").replace("kubernetes: {version: v1.36.2}\n", ""))
    even = nodes("etcd", "etcd").replace("kubernetes: {version: v1.36.2}\n", "")
    assert refused_keys(even) == ["nodes"]


def test_a_role_that_stands_twice_is_refused() -> None:
    assert refused_keys(nodes("control-plane, etcd", "worker, worker")) == ["nodes[1].roles[1]"]
