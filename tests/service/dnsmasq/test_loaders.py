"""`loader` of a node: what it is told to load, by which firmware, beside a node that says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, OUTSIDE, SERVED, Site, site
from support.dhcp_client import DISCOVER, menu_choice
from support.machines import bios_rom, installed_system, ipxe, old_rom, uefi, uefi_http

BIOS, UEFI, OLD, USUAL = (f"52:54:00:12:34:{last}" for last in ("56", "57", "58", "59"))
SECOND, BONDED = "52:54:00:12:34:a6", "52:54:00:12:34:a7"
NODES = f"""\
nodes:
  - {{mac: "{BIOS}", name: node1, ip: 10.10.14.11, roles: [etcd], loader: ipxe.pxe, more_macs: ["{SECOND}"]}}
  - {{mac: "{UEFI}", name: node2, ip: 10.10.14.12, roles: [worker], loader: ipxe.efi, cards: {{b: "{BONDED}"}}}}
  - {{mac: "{OLD}", name: node3, ip: 10.10.14.13, roles: [worker], loader: pxelinux.0}}
  - {{mac: "{USUAL}", name: node4, ip: 10.10.14.14, roles: [worker]}}
"""
SERVE = SERVED.split("nodes:")[0] + NODES
PROXY = SERVE.replace("mode: serve, range: [10.10.14.100, 10.10.14.199], lease: 90m", "mode: proxy")

EXPECTED = [
    (BIOS, bios_rom(BIOS), "ipxe.pxe"),
    (BIOS, ipxe(0), "start-ipxe.pxe.ipxe"),
    (BIOS, uefi(7), "snponly.efi"),
    (UEFI, uefi(7), "ipxe.efi"),
    (UEFI, uefi(9), "ipxe.efi"),
    (UEFI, ipxe(7), "start-ipxe.efi.ipxe"),
    (UEFI, bios_rom(UEFI), "undionly.kpxe"),
    (UEFI, ipxe(0), "start.ipxe"),
    (SECOND, bios_rom(SECOND), "ipxe.pxe"),
    (SECOND, ipxe(0), "start-ipxe.pxe.ipxe"),
    (BONDED, uefi(7), "ipxe.efi"),
    (BONDED, bios_rom(BONDED), "undionly.kpxe"),
    (OLD, bios_rom(OLD), "pxelinux.0"),
    (OLD, ipxe(0), "start-pxelinux.0.ipxe"),
    (USUAL, bios_rom(USUAL), "undionly.kpxe"),
    (USUAL, uefi(7), "snponly.efi"),
    (USUAL, ipxe(0), "start.ipxe"),
]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site("chosen", SERVE, tmp_path_factory.mktemp("chosen")) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site("chosen-proxy", PROXY, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.mark.parametrize(
    ("mac", "firmware", "file"),
    [
        *EXPECTED,
        (OLD, old_rom(), "pxelinux.0"),
        (BIOS, uefi_http(), f"http://{BOOTSTRAPPER}/boot/snponly.efi"),
        (UEFI, uefi_http(), f"http://{BOOTSTRAPPER}/boot/ipxe.efi"),
        (UEFI, installed_system(1), ""),
    ],
)
def test_a_node_is_sent_its_own_loader_by_any_card_where_its_firmware_starts_that(
    chosen: Site, mac: str, firmware: Mapping[int, bytes], file: str
) -> None:
    reply = chosen.machine(mac).lease(firmware)
    assert reply.file == file
    if file and not file.startswith("http:"):
        assert str(reply.next_server) == BOOTSTRAPPER


@pytest.mark.parametrize(("mac", "firmware", "file"), EXPECTED)
def test_the_proxy_sends_a_node_its_own_loader_too(
    proxy: Site, mac: str, firmware: Mapping[int, bytes], file: str
) -> None:
    machine = proxy.machine(mac)
    offer = machine.ask(DISCOVER, firmware)
    assert offer is not None
    reply = offer if offer.file else machine.ask_boot_server(BOOTSTRAPPER, {**firmware, **menu_choice(offer)}, OUTSIDE)
    assert reply is not None
    assert (reply.file, str(reply.next_server)) == (file, BOOTSTRAPPER)
