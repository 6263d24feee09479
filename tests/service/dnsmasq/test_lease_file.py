"""The cloud-config server's reader beside the real dnsmasq, which rewrites its lease file at each renewal."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from kboot_cloudconfig.leases import LeaseFile
from kboot_clusterdesc import Mac
from service.dnsmasq.daemon import SERVED, network, started
from support.dhcp_client import ACK, REQUEST
from support.machines import installed_system

_WIDE = SERVED.replace("10.10.14.0/24", "10.10.0.0/16")
_RANGE = ("[10.10.14.100, 10.10.14.199]", "[10.10.16.1, 10.10.18.199]")


def test_a_machine_that_renews_among_many_is_seen_at_its_address_at_each_look(tmp_path: Path) -> None:
    macs = [Mac(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}") for number in range(300)]
    with network("renew", _WIDE.replace(*_RANGE), tmp_path) as site, started(site):
        leases = LeaseFile(site.mounts["/var/lib"] / "kboot" / "leases" / "dnsmasq.leases")
        addresses = {mac: site.machine(mac).lease(installed_system(9)).address for mac in macs}
        assert {leases.address_of(mac, datetime.now(UTC)) for mac in macs} == set(addresses.values())

        seen, ended = [0, 0], threading.Event()

        def look() -> None:
            while not ended.is_set():
                mac = macs[seen[0] % len(macs)]
                seen[0] += 1
                seen[1] += leases.address_of(mac, datetime.now(UTC)) != addresses[mac]

        looking = threading.Thread(target=look)
        looking.start()
        try:
            for mac in macs:
                wanted = {50: addresses[mac].packed}
                reply = site.machine(mac).ask(REQUEST, {**installed_system(9), **wanted})
                assert reply is not None
                assert reply.kind == ACK
        finally:
            ended.set()
            looking.join()
    assert seen[0] > len(macs)
    assert seen[1] == 0, f"{seen[1]} of {seen[0]} looks"
