"""Unknown machines: where they may become workers."""

from __future__ import annotations

import pytest

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
