"""Unknown machines: where they may become workers."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Mac
from unit.clusterdesc.sample import (
    SAMPLE,
    accepted,
    place,
    refusal,
    refused_keys,
    with_block,
)

JOIN = "unknown_machines: worker\n"


def test_unknown_machines_need_a_cluster_to_join() -> None:
    text = with_block("kubernetes", JOIN)
    where = place(text, "worker\n")
    assert refusal(text).startswith(f"{where}: unknown_machines: `worker` needs `kubernetes`")
    assert refused_keys(text) == ["unknown_machines"]


@pytest.mark.parametrize("mode", ["proxy", "off"])
def test_unknown_machines_need_an_address_that_kboot_gives(mode: str) -> None:
    network = "network: {bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {mode: MODE}}\n"
    text = with_block("network", network.replace("MODE", f'"{mode}"') + JOIN)
    said = refusal(text)
    assert f"unknown_machines: `worker` needs `dhcp.mode: serve`: with `{mode}`" in said
    assert "unknown_machines" in refused_keys(text)


@pytest.mark.parametrize("key", ["kubernetes", "network"])
def test_a_fault_beside_it_is_no_fault_of_unknown_machines(key: str) -> None:
    keys = refused_keys(with_block(key, f"{key}: nonsense\n" + JOIN))
    assert key in keys
    assert "unknown_machines" not in keys


def test_unknown_machines_may_become_workers() -> None:
    assert accepted(SAMPLE + JOIN).lets_machines_join
    assert not accepted(SAMPLE).lets_machines_join


def test_what_is_ignored_is_a_mac_or_how_it_begins_in_any_spelling() -> None:
    desc = accepted(SAMPLE + 'ignore: ["3C-EC-EF", "3cecef01", "00:25:90:C0:F7:81"]\n')
    assert desc.ignore == ("3c:ec:ef", "3c:ec:ef:01", "00:25:90:c0:f7:81")
    for mac, ignored in (("3c:ec:ef:00:00:01", True), ("00:25:90:c0:f7:81", True), ("3c:ec:e0:00:00:01", False)):
        assert desc.ignores(Mac(mac)) is ignored


@pytest.mark.parametrize("entry", ["3c:ec", "3c:ec:ef:0", "3c:ecef", "3c.ec.ef", "bmc", "3c:ec:ef:00:00:01:02"])
def test_what_no_mac_begins_with_is_refused(entry: str) -> None:
    assert f"ignore[0]: `{entry}` is neither a MAC nor its first three bytes" in refusal(
        SAMPLE + f'ignore: ["{entry}"]\n'
    )


@pytest.mark.parametrize("entry", ["00:25:90", "00:25:90:c0:f7:80"])
def test_no_declared_machine_can_be_ignored(entry: str) -> None:
    said = refusal(SAMPLE + f'ignore: ["{entry}"]\n')
    assert f"ignore[0]: {entry} is to be ignored, and 00:25:90:c0:f7:80 of nodes[0] begins so" in said
