"""How many leases dnsmasq may keep at once."""

from __future__ import annotations

from kboot.render.dhcp import dhcp_files
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt


def lease_max(text: str) -> int:
    lines = dhcp_files(accepted(text), "eth1")["config/dnsmasq.conf"].decode().splitlines()
    return next(int(line.partition("=")[2]) for line in lines if line.startswith("dhcp-lease-max="))


def test_each_address_of_the_range_and_each_node_may_have_a_lease() -> None:
    large = spoilt(
        ("subnet: 10.10.14.0/24", "subnet: 10.10.0.0/16"), ("10.10.14.1, 10.10.14.127", "10.10.20.0, 10.10.99.255")
    )
    assert lease_max(SAMPLE) == 4096
    assert lease_max(large) == 80 * 256 + len(accepted(large).nodes)
