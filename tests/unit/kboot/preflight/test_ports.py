"""What frees a port that another program holds."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from kboot.host.network_interfaces import Listener
from kboot.preflight.ports import way_out
from kboot_compose.services import NTP, Port
from unit.clusterdesc.sample import SAMPLE, accepted


@pytest.mark.parametrize(("port", "offered"), [(NTP, True), (Port("tcp", 123), False), (Port("udp", 53), False)])
def test_a_time_server_that_stands_here_may_be_used_instead_of_ours(port: Port, offered: bool) -> None:
    desc = accepted(SAMPLE)
    told = way_out(
        desc,
        [Listener(Port("udp", 69), desc.network.bootstrapper, None), Listener(port, desc.network.bootstrapper, "ntpd")],
    )
    assert told.startswith("stop that program or keep it off 10.10.14.253")
    assert ("`ntp: [10.10.14.253]` in `network`" in told) is offered


def test_a_program_on_another_address_cannot_be_kept_off_ours() -> None:
    there = Listener(Port("udp", 67), IPv4Address("192.168.1.5"), "kea-dhcp4 (pid 7)")
    assert way_out(accepted(SAMPLE), [there]) == "stop that program"
