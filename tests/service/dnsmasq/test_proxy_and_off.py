"""`dhcp.mode: proxy` adds what to boot to the answers of another server; `off` leaves DHCP alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, OUTSIDE, OWN, Site, site
from support.dhcp_client import ACK, DISCOVER, OFFER, REQUEST, menu_choice
from support.dns_query import address_of
from support.machines import bios_rom, installed_system, ipxe, old_rom, uefi, uefi_http

NODE1 = "52:54:00:12:34:56"


def description(mode: str) -> str:
    return f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: {BOOTSTRAPPER}
  subnet: 10.10.14.0/24
  dhcp: {{mode: {mode}}}
  upstream_dns: [{OUTSIDE}]
nodes:
  - {{mac: "{NODE1}", name: node1, ip: 10.10.14.11, roles: [etcd]}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site("proxy", description("proxy"), tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site("off", description("off"), tmp_path_factory.mktemp("off")) as running:
        yield running


def test_the_lines_of_both_modes_are_understood(proxy: Site, off: Site) -> None:
    for log in (proxy.log.read_text(), off.log.read_text()):
        assert "started, version" in log
        assert not [word for word in ("bad ", "error", "failed", "warning") if word in log.lower()], log


@pytest.mark.parametrize("firmware", [bios_rom(NODE1), uefi(7), uefi(9), ipxe(), ipxe(7)])
def test_the_proxy_answers_firmware_without_giving_an_address(proxy: Site, firmware: Mapping[int, bytes]) -> None:
    offer = proxy.machine(NODE1).ask(DISCOVER, firmware)
    assert offer is not None
    assert offer.kind == OFFER
    assert int(offer.address) == 0
    assert offer.options[60] == b"PXEClient"
    assert not {3, 6, 51} & offer.options.keys()


@pytest.mark.parametrize(
    ("firmware", "file"),
    [
        (bios_rom(NODE1), "undionly.kpxe"),
        (uefi(7), "snponly.efi"),
        (uefi(9), "snponly.efi"),
        (ipxe(), "start.ipxe"),
        (ipxe(7), "start.ipxe"),
    ],
)
def test_the_proxy_names_the_loader_and_to_ipxe_the_boot_script(
    proxy: Site, firmware: Mapping[int, bytes], file: str
) -> None:
    machine = proxy.machine(NODE1)
    offer = machine.ask(DISCOVER, firmware)
    assert offer is not None
    if offer.file:
        assert offer.file == file
    else:  # to be asked for at the boot server's own port
        reply = machine.ask_boot_server(BOOTSTRAPPER, {**firmware, **menu_choice(offer)}, OUTSIDE)
        assert reply is not None
        assert reply.kind == ACK
        assert reply.file == file
        assert str(reply.next_server) == BOOTSTRAPPER


@pytest.mark.parametrize("firmware", [old_rom(), uefi_http()])
def test_the_proxy_sends_nothing_to_firmware_that_names_no_architecture_or_asks_by_http(
    proxy: Site, firmware: Mapping[int, bytes]
) -> None:
    offer = proxy.machine(NODE1).ask(DISCOVER, firmware, wait_s=2)
    assert offer is None or not (offer.file or menu_choice(offer))


def test_the_proxy_gives_an_installed_system_no_answer(proxy: Site) -> None:
    machine = proxy.machine(NODE1)
    assert machine.ask(DISCOVER, installed_system(1), wait_s=1) is None
    assert machine.ask(REQUEST, {**installed_system(1), 50: b"\x0a\x0a\x0e\x0b"}, wait_s=1) is None


@pytest.mark.parametrize("firmware", [bios_rom(NODE1), ipxe(), installed_system(1)])
def test_without_dhcp_nobody_gets_an_answer(off: Site, firmware: Mapping[int, bytes]) -> None:
    assert off.machine(NODE1, OWN).ask(DISCOVER, firmware, wait_s=1) is None


def test_names_are_served_whoever_gives_the_addresses(proxy: Site, off: Site) -> None:
    for running in (proxy, off):
        assert address_of(running.machines, BOOTSTRAPPER, "node1.ail.example.com") == "10.10.14.11"
