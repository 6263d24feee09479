"""Cards of one machine that ask at the same time: each has an address, and only one has the node's."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from service.dnsmasq.daemon import BOOTSTRAPPER, SERVED, site
from support.dns_query import address_of
from support.machines import bios_rom, installed_system

FIRST, SECOND, THIRD = "52:54:00:12:34:56", "52:54:00:12:34:a6", "52:54:00:12:34:b6"
CARDS = SERVED.replace(f'mac: "{FIRST}"', f'mac: "{FIRST}", more_macs: ["{SECOND}", "{THIRD}"]')


def test_no_card_takes_the_address_or_the_name_of_another_whichever_asks_first(tmp_path: Path) -> None:
    assert CARDS != SERVED
    with site("cards", CARDS, tmp_path) as cards:
        leased: dict[str, set[IPv4Address]] = {}
        for mac in (SECOND, FIRST, THIRD, SECOND, FIRST):
            for options in (bios_rom(mac), {**installed_system(1), 12: b"node1"}):
                leased.setdefault(mac, set()).add(cards.machine(mac).lease(options).address)
            assert address_of(cards.machines, BOOTSTRAPPER, "node1.ail.example.com") == "10.10.14.11"
        assert leased[FIRST] == {IPv4Address("10.10.14.11")}
        others = leased[SECOND] | leased[THIRD]
        assert len(others) == 2
        assert all(IPv4Address("10.10.14.100") <= each <= IPv4Address("10.10.14.199") for each in others)
