"""Addresses of the range that are in use without a lease: found by ARP, at the start and by each health check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from service.dnsmasq.daemon import BOOTSTRAPPER, OWN, SERVED, Site, network, started
from support.dhcp_client import DISCOVER
from support.dns_query import address_of
from support.machines import bios_rom, installed_system
from support.namespace import ip
from support.places import SERVICES

STRANGER, NODE2, NODE3 = "02:00:00:00:00:10", "52:54:00:12:34:57", "00:25:90:c0:f6:ee"
_FIND_TAKEN = str(SERVICES / "dnsmasq" / "find-taken")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Site]:
    """A dnsmasq that found nothing when it started."""
    with network("taken", SERVED, tmp_path) as site, started(site):
        yield site


def found(site: Site) -> dict[str, str]:
    """What is kept for whom, by address."""
    return {file.name: file.read_text().strip() for file in (site.mounts["/run"] / "kboot" / "found").iterdir()}


def look(site: Site, *use: str, mac: str | None = None) -> str:
    """What a health check finds while a machine uses these addresses; returns what it says."""
    if mac is not None:
        ip("-n", site.machines.name, "link", "set", OWN, "address", mac)
    for address in use:
        ip("-n", site.machines.name, "addr", "add", f"{address}/24", "dev", OWN)
    done = site.server.run("perl", _FIND_TAKEN, mounts=site.mounts)
    assert done.returncode == 0, done.stderr
    for address in found(site):
        for _ in looks(30, 0.05):
            if f"found/{address}" in site.log.read_text():
                break
    for address in use:
        ip("-n", site.machines.name, "addr", "del", f"{address}/24", "dev", OWN)
    return done.stderr


def offered(site: Site, mac: str) -> str:
    """The address in the answer to the first DISCOVER."""
    offer = site.machine(mac).ask(DISCOVER, bios_rom(mac))
    assert offer is not None
    return str(offer.address)


def test_what_is_switched_on_later_keeps_its_address_and_is_given_it_when_it_asks(running: Site) -> None:
    usual, own = offered(running, STRANGER), "02:00:00:00:00:77"
    said = look(running, usual, mac=own)
    assert said == f"kboot: {usual} is in use by {own} and leased to nobody, it is kept for it\n"
    assert offered(running, STRANGER) != usual
    assert offered(running, own) == usual
    assert look(running) == ""


def test_a_machine_that_is_found_names_nothing(running: Site) -> None:
    own = "02:00:00:00:00:77"
    look(running, "10.10.14.160", mac=own)
    assert str(running.machine(own).lease({**installed_system(3), 12: b"printserver"}).address) == "10.10.14.160"
    assert address_of(running.machines, BOOTSTRAPPER, "printserver.ail.example.com") is None


def test_a_node_without_an_address_that_lost_its_lease_keeps_the_address_and_its_name(running: Site) -> None:
    look(running, "10.10.14.160", mac=NODE3)
    reply = running.machine(NODE3).lease(installed_system(3))
    assert (str(reply.address), reply.options[12]) == ("10.10.14.160", b"node3")


def test_a_node_at_another_address_than_its_own_is_offered_its_own(running: Site) -> None:
    look(running, "10.10.14.160", mac=NODE2)
    assert found(running) == {"10.10.14.160": "id:nobody,10.10.14.160"}
    assert offered(running, NODE2) == "10.10.14.150"


def test_who_has_a_lease_is_asked_for_nothing(running: Site) -> None:
    leased = str(running.machine(STRANGER).lease(bios_rom(STRANGER)).address)
    assert look(running, leased, mac=STRANGER) == ""
    assert found(running) == {}


def test_who_answers_for_everything_uses_nothing(running: Site) -> None:
    said = look(running, *(f"10.10.14.{last}" for last in range(160, 169)), mac="02:00:00:00:00:77")
    assert "9 addresses of the DHCP range are answered by 02:00:00:00:00:77, which is taken for a proxy" in said
    assert found(running) == {}


def test_without_a_network_it_starts_and_finds_nothing(tmp_path: Path) -> None:
    with network("unplugged", SERVED, tmp_path) as site:
        site.unplug()
        with started(site):
            assert found(site) == {}
            assert "find-taken" not in site.log.read_text()
