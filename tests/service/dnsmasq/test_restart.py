"""What dnsmasq knows after its container was made anew."""

from __future__ import annotations

from pathlib import Path

from kboot.host.waiting import looks
from service.dnsmasq.daemon import BOOTSTRAPPER, LOADER, OTHER, SERVED, network, started
from support.dhcp_client import DISCOVER
from support.dns_query import address_of
from support.machines import bios_rom, installed_system
from support.tftp import fetch

STRANGER, NODE3 = "02:00:00:00:00:10", "00:25:90:c0:f6:ee"


def test_addresses_and_names_outlive_a_restart(tmp_path: Path) -> None:
    with network("restart", SERVED, tmp_path) as site:
        with started(site):
            first = {mac: site.machine(mac).lease(bios_rom(mac)).address for mac in (STRANGER, NODE3)}
        assert {line.split()[1]: line.split()[2] for line in site.leases} == {m: str(a) for m, a in first.items()}
        with started(site):
            assert address_of(site.machines, BOOTSTRAPPER, "node3.ail.example.com") == str(first[NODE3])
            again = {mac: site.machine(mac).lease(installed_system(7)).address for mac in first}
        assert again == first


def test_a_machine_that_is_declared_later_gets_its_own_address(tmp_path: Path) -> None:
    with network("before", SERVED, tmp_path) as site, started(site):
        assert str(site.machine(STRANGER).lease(bios_rom(STRANGER)).address) != "10.10.14.160"
        leases = site.mounts["/var/lib"] / "kboot"
        (tmp_path / "later").mkdir()
        node = f'  - {{mac: "{STRANGER}", name: node5, ip: 10.10.14.160, roles: [worker]}}\n'
        kept = (leases / "leases" / "dnsmasq.leases").read_text()
    with network("after", SERVED + node, tmp_path / "later") as site:
        (site.mounts["/var/lib"] / "kboot" / "leases" / "dnsmasq.leases").write_text(kept)
        with started(site):
            assert str(site.machine(STRANGER).lease(installed_system(8)).address) == "10.10.14.160"


def test_without_routers_none_are_named_and_without_time_servers_the_bootstrapper(tmp_path: Path) -> None:
    bare = SERVED.replace("  routers: [10.10.14.254]\n", "").replace("  ntp: [10.10.14.250]\n", "")
    with network("bare", bare.replace("lease: 90m", "lease: infinite"), tmp_path) as site, started(site):
        reply = site.machine(NODE3).lease(installed_system(1))
    assert 3 not in reply.options
    assert reply.addresses(42) == [BOOTSTRAPPER]
    assert reply.options[51] == b"\xff" * 4


def test_a_card_that_comes_late_is_served_and_no_other_one_before(tmp_path: Path) -> None:
    with network("late", SERVED, tmp_path) as site:
        site.unplug()
        with started(site):
            assert site.machine(NODE3, OTHER).ask(DISCOVER, bios_rom(NODE3), wait_s=1) is None
            site.plug_in()
            for _ in looks(10, 0.2):
                if site.machine(NODE3).ask(DISCOVER, bios_rom(NODE3), wait_s=0.5) is not None:
                    break
            assert fetch(site.machines, BOOTSTRAPPER, "undionly.kpxe") == LOADER
            assert site.machine(NODE3, OTHER).ask(DISCOVER, bios_rom(NODE3), wait_s=1) is None
