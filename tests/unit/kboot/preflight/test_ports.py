"""What frees a port that another program holds."""

from __future__ import annotations

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
