"""Names of machines: none that DHCP, DNS or a certificate would stumble over."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    place,
    refusal,
    refused_keys,
    spoilt,
    with_block,
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("5m", "a lease time"),
        ('"101"', "a lease time"),
        ("45S", "a lease time"),
        ("infinite", "a keyword"),
        ("ignore", "a keyword"),
        ("10.10.14.99", "an address"),
        ('"fe80::1"', "an address"),
        ("0x10", "an address"),
        ("0xbeef", "an address"),
    ],
)
def test_a_name_that_dnsmasq_reads_as_something_else_is_refused_where_it_stands(name: str, reason: str) -> None:
    text = spoilt(("name: node1", f"name: {name}"))
    bare = name.strip('"')
    expected = f"{place(text, name + ', ip')}: nodes[0].name: `{bare}` would be read as {reason}"
    assert refusal(text).startswith(expected)


def test_all_five_names_are_reported_in_one_run() -> None:
    names = ["5m", '"101"', "infinite", "ignore", "10.10.14.99"]
    lines = [
        f'  - {{mac: "02:00:00:00:00:0{i}", name: {name}, ip: 10.10.14.20{i}, roles: [{roles}]}}\n'
        for i, (name, roles) in enumerate(zip(names, ["control-plane, etcd", *["worker"] * 4], strict=True), 1)
    ]
    assert refused_keys(with_block("nodes", "nodes:\n" + "".join(lines))) == [f"nodes[{i}].name" for i in range(5)]


@pytest.mark.parametrize("name", ["node101", "m5", "ignored", "infinite-1", "5x", "a", "0xen", "1e3"])
def test_names_that_only_look_alike_pass(name: str) -> None:
    assert accepted(spoilt(("name: node1", f"name: {name}"))).nodes[0].name == name


@pytest.mark.parametrize("name", ["Node1", "node_1", "-node", "node-", "node1.ail", "n" * 64, "n\u00f6de", "a b"])
def test_a_name_that_is_no_host_name_is_refused(name: str) -> None:
    assert refused_keys(spoilt(("name: node1", f'name: "{name}"'))) == ["nodes[0].name"]


def test_a_name_too_long_for_a_certificate_is_refused_where_the_machine_has_keys() -> None:
    assert "50 characters, too many for a certificate" in refusal(spoilt(("name: node1", f"name: {'n' * 50}")))
    accepted(spoilt(("name: node1", f"name: {'n' * 49}")))
    fleet = "nodes:\n" + f"  - {{mac: '02:00:00:00:00:01', name: {'n' * 63}, roles: [worker]}}\n"
    accepted(with_block("nodes", fleet).replace("kubernetes: {version: v1.36.2}\n", ""))


def test_a_name_that_two_nodes_have_is_refused_at_the_second() -> None:
    said = refusal(spoilt(("roles: [worker]", "name: node1, roles: [worker]")))
    assert said.startswith("rack.yaml:13:38: nodes[1].name: `node1` is the name of nodes[0] too\n")


def test_a_name_may_not_be_the_mac_of_another_machine() -> None:
    assert refused_keys(spoilt(("name: node1", "name: 00-25-90-c0-f6-ee")))[0] == "nodes[0].name"
    accepted(spoilt(("name: node1", "name: 00-25-90-c0-f7-80")))


@pytest.mark.parametrize("name", ["bootstrapper", "localhost", "api"])
def test_a_name_that_is_kept_for_something_else_is_refused(name: str) -> None:
    assert "is the name of something else" in refusal(spoilt(("name: node1", f"name: {name}")))
