"""How control planes are reached: at addresses of their own."""

from __future__ import annotations

from unit.clusterdesc.sample import accepted, nodes, refusal, refused_keys, spoilt

_TWO = spoilt(("roles: [worker]", "roles: [control-plane, worker]"))


def test_one_of_several_control_planes_needs_an_address() -> None:
    assert refused_keys(_TWO) == ["nodes[1].ip"]
    said = refusal(_TWO)
    assert (
        "nodes[1].ip: is missing: `00-25-90-c0-f6-ee` is one of 2 control planes, which are tried by their addresses\n"
        "  hint: write an address of network.subnet outside network.dhcp.range"
    ) in said
    assert refused_keys(nodes("control-plane, etcd", "control-plane")) == ["nodes[0].ip", "nodes[1].ip"]


def test_a_lone_control_plane_may_live_on_a_lease_and_so_may_members_of_etcd() -> None:
    accepted(nodes("control-plane, etcd", "etcd", "etcd, worker"))


def test_without_kubernetes_nobody_tries_a_control_plane() -> None:
    accepted(_TWO.replace("kubernetes: {version: v1.36.2}\n", ""))


def test_in_proxy_mode_a_missing_address_is_told_once() -> None:
    text = _TWO.replace("{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}", "{mode: proxy}")
    assert refused_keys(text) == ["nodes[1].ip"]
