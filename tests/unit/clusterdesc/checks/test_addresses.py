"""Addresses and MACs: the network's own, each machine's, and the ranges."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    kubernetes,
    refusal,
    refused_keys,
    spoilt,
)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.10.15.1", "10.10.15.1 is outside 10.10.14.0/24"),
        ("10.10.14.0", "10.10.14.0 is the network address of 10.10.14.0/24"),
        ("10.10.14.255", "10.10.14.255 is the broadcast address of 10.10.14.0/24"),
        ("10.10.14.253", "10.10.14.253 is taken by network.bootstrapper"),
        ("10.10.14.254", "10.10.14.254 is taken by network.routers[0]"),
    ],
)
def test_an_address_that_no_node_can_have_is_refused_where_it_stands(address: str, reason: str) -> None:
    assert refusal(spoilt(("10.10.14.201", address))).startswith(f"rack.yaml:12:49: nodes[0].ip: {reason}\n")


def test_an_address_that_two_nodes_claim_is_refused_at_the_second() -> None:
    text = spoilt(("roles: [worker]", "ip: 10.10.14.201, roles: [worker]"))
    assert refusal(text).startswith("rack.yaml:13:36: nodes[1].ip: 10.10.14.201 is taken by nodes[0].ip\n")


def test_a_node_may_have_an_address_of_the_range() -> None:
    accepted(spoilt(("10.10.14.201", "10.10.14.5")))


def test_a_machine_may_have_more_cards_and_each_mac_stands_once() -> None:
    cards = spoilt(("roles: [worker]", 'more_macs: ["00:25:90:C0:F6:EF"], roles: [worker]'))
    assert accepted(cards).nodes[1].macs == ("00:25:90:c0:f6:ee", "00:25:90:c0:f6:ef")
    for mac, reason in (
        ("00:25:90:c0:f7:80", "00:25:90:c0:f7:80 is the MAC of nodes[0] too"),
        ("00:25:90:c0:f6:ee", "00:25:90:c0:f6:ee stands here twice"),
    ):
        text = cards.replace("00:25:90:C0:F6:EF", mac)
        assert f": nodes[1].more_macs[0]: {reason}\n" in refusal(text)


def test_a_mac_that_stands_twice_is_refused_at_the_second_in_any_spelling() -> None:
    text = spoilt(("00:25:90:c0:f6:ee", "00-25-90-C0-F7-80"))
    assert refusal(text).startswith("rack.yaml:13:11: nodes[1].mac: 00:25:90:c0:f7:80 is the MAC of nodes[0] too\n")


@pytest.mark.parametrize("address", ["10.10.15.253", "10.10.14.0", "10.10.14.255"])
def test_the_bootstrapper_must_be_a_host_of_the_subnet(address: str) -> None:
    said = refusal(spoilt(("bootstrapper: 10.10.14.253", f"bootstrapper: {address}")))
    assert said.startswith(f"rack.yaml:4:17: network.bootstrapper: {address} is ")


@pytest.mark.parametrize(
    ("pool", "reason"),
    [
        ("10.10.14.127, 10.10.14.1", "ends (10.10.14.1) before it begins (10.10.14.127)"),
        ("10.10.14.200, 10.10.14.253", "covers 10.10.14.253, which is network.bootstrapper"),
        ("10.10.14.254, 10.10.14.254", "covers 10.10.14.254, which is network.routers[0]"),
        ("10.10.13.1, 10.10.14.127", "10.10.13.1 is outside 10.10.14.0/24"),
        ("10.10.14.0, 10.10.14.127", "10.10.14.0 is no machine's address in 10.10.14.0/24"),
    ],
)
def test_a_range_that_cannot_be_handed_out_is_refused_where_it_stands(pool: str, reason: str) -> None:
    said = refusal(spoilt(("10.10.14.1, 10.10.14.127", pool)))
    assert said.startswith("rack.yaml:6:30: network.dhcp.range: ")
    assert reason in said


def test_a_range_may_not_cover_a_name_server() -> None:
    said = refusal(spoilt(("  routers:", "  nameservers: [10.10.14.20]\n  routers:")))
    assert "network.dhcp.range: 10.10.14.1 to 10.10.14.127 covers 10.10.14.20, which is network.nameservers[0]" in said


def test_mode_serve_needs_a_range_and_the_other_modes_do_not() -> None:
    pool = "mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h"
    assert refused_keys(spoilt((pool, "mode: serve"))) == ["network.dhcp.range"]
    accepted(spoilt((pool, "mode: off")))


def test_mode_proxy_needs_the_address_of_every_node() -> None:
    text = spoilt(("mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h", "mode: proxy"))
    assert refused_keys(text) == ["nodes[1].ip"]
    accepted(text.replace("roles: [worker]", "ip: 10.10.14.202, roles: [worker]"))


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ("service_cidr: 10.10.0.0/16", "kubernetes.service_cidr"),
        ("pod_cidr: 10.10.0.0/16", "kubernetes.pod_cidr"),
        ("service_cidr: 10.1.128.0/20", "kubernetes.pod_cidr"),
        ("service_cidr: 10.100.0.0/30", "kubernetes.service_cidr"),
        ("service_cidr: 255.255.255.255/32", "kubernetes.service_cidr"),
        ("dns_service_ip: 10.101.0.10", "kubernetes.dns_service_ip"),
        ("dns_service_ip: 10.100.0.1", "kubernetes.dns_service_ip"),
    ],
)
def test_ranges_that_get_in_each_others_way_are_refused(fields: str, key: str) -> None:
    text = kubernetes(fields)
    assert refused_keys(text) == [key]
    refusal(text)


def test_cluster_dns_is_the_tenth_service_by_default() -> None:
    desc = accepted(kubernetes("service_cidr: 10.7.0.0/20"))
    assert desc.kubernetes is not None
    assert str(desc.kubernetes.dns_address) == "10.7.0.10"


@pytest.mark.parametrize("subnet", ["0.0.0.0/0", "10.10.14.252/30", "10.10.14.253/32"])
def test_a_subnet_too_large_or_too_small_is_refused(subnet: str) -> None:
    assert "network.subnet" in refused_keys(spoilt(("subnet: 10.10.14.0/24", f"subnet: {subnet}")))
