"""`dhcp.mode: serve`, asked by what a machine is one after the other: firmware, iPXE, an installed system."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, LOADER, OTHER, OUTSIDE, OWN, Site
from support.dhcp_client import DISCOVER
from support.dns_query import address_of, name_of
from support.machines import bios_rom, installed_system, ipxe, old_rom, uefi, uefi_http
from support.tftp import fetch

NODE1, NODE2, NODE3 = "52:54:00:12:34:56", "52:54:00:12:34:57", "00:25:90:c0:f6:ee"
NAMELESS, STRANGER = "00:25:90:c0:f6:d6", "02:00:00:00:00:10"


def every_client(mac: str) -> list[Mapping[int, bytes]]:
    """What one card sends in the course of an install; the installer and the system have other machine ids."""
    return [bios_rom(mac), ipxe(), uefi(7), uefi_http(), installed_system(1), installed_system(2)]


def test_every_line_of_the_rendered_files_is_understood(served: Site) -> None:
    log = served.log.read_text()
    assert "started, version" in log
    assert "read /etc/kboot/dhcp-hosts" in log
    assert "read /etc/kboot/hosts" in log
    for word in ("bad ", "error", "duplicate", "failed", "cannot", "warning"):
        assert word not in log.lower(), log


@pytest.mark.parametrize(
    ("mac", "address"),
    [(NODE1, "10.10.14.11"), (NODE2, "10.10.14.150"), (NODE3, None), (NAMELESS, None), (STRANGER, None)],
)
def test_one_mac_has_one_address_whatever_client_id_it_sends(served: Site, mac: str, address: str | None) -> None:
    leased = {str(served.machine(mac).lease(options).address) for options in every_client(mac)}
    assert len(leased) == 1
    if address is not None:
        assert leased == {address}
    else:
        assert IPv4Address("10.10.14.100") <= IPv4Address(leased.pop()) <= IPv4Address("10.10.14.199")


def test_the_address_of_a_node_is_given_to_no_other_machine(served: Site) -> None:
    wanted = {50: IPv4Address("10.10.14.150").packed}
    offer = served.machine("02:00:00:00:00:11").ask(DISCOVER, {**installed_system(4), **wanted})
    assert offer is not None
    assert str(offer.address) != "10.10.14.150"


@pytest.mark.parametrize(
    ("firmware", "file"),
    [
        (bios_rom(STRANGER), "undionly.kpxe"),
        (old_rom(), "undionly.kpxe"),
        (ipxe(), "start.ipxe"),
        (ipxe(7), "start.ipxe"),
        (uefi(7), "snponly.efi"),
        (uefi(9), "snponly.efi"),
        (uefi_http(), f"http://{BOOTSTRAPPER}/boot/snponly.efi"),
    ],
)
def test_each_firmware_is_sent_to_what_it_can_load(served: Site, firmware: Mapping[int, bytes], file: str) -> None:
    assert served.machine(NODE1).lease(firmware).file == file


@pytest.mark.parametrize(
    "firmware", [uefi(6), uefi(10), uefi(11), uefi_http(15), uefi_http(18), uefi_http(19), ipxe(11)]
)
def test_firmware_that_no_loader_is_for_is_named_none_and_the_log_has_it(
    served: Site, firmware: Mapping[int, bytes]
) -> None:
    before = len(served.log.read_text())
    assert served.machine(NODE1).lease(firmware).file == ""
    tags = [line for line in served.log.read_text()[before:].splitlines() if " tags: " in line]
    assert tags
    assert all("no-loader" in line for line in tags)


@pytest.mark.parametrize("firmware", [bios_rom(NODE1), old_rom(), uefi(7), ipxe()])
def test_a_loader_comes_from_the_bootstrapper(served: Site, firmware: Mapping[int, bytes]) -> None:
    reply = served.machine(NODE1).lease(firmware)
    assert reply.next_server == IPv4Address(BOOTSTRAPPER)


def test_http_boot_is_told_that_this_is_a_server_for_it(served: Site) -> None:
    assert served.machine(NODE1).lease(uefi_http()).options[60] == b"HTTPClient"


def test_ipxe_does_not_wait_for_a_second_server(served: Site) -> None:
    assert served.machine(NODE1).lease(ipxe()).options[175].startswith(b"\xb0\x01\x01")


def test_an_installed_system_is_not_told_what_to_boot(served: Site) -> None:
    assert served.machine(NODE1).lease(installed_system(1)).file == ""


def test_a_lease_carries_what_the_description_says(served: Site) -> None:
    reply = served.machine(NODE1).lease(installed_system(1))
    assert reply.addresses(1) == ["255.255.255.0"]
    assert reply.addresses(3) == ["10.10.14.254"]
    assert reply.addresses(6) == [BOOTSTRAPPER]
    assert reply.addresses(42) == ["10.10.14.250"]
    assert reply.addresses(54) == [BOOTSTRAPPER]
    assert int.from_bytes(reply.options[51], "big") == 5400
    assert reply.options[12] == b"node1"
    assert reply.options[15] == b"ail.example.com"


def test_a_node_with_an_address_has_a_name_before_its_lease(served: Site) -> None:
    for name in ("node1.ail.example.com", "node1"):
        assert address_of(served.machines, BOOTSTRAPPER, name) == "10.10.14.11"
    assert name_of(served.machines, BOOTSTRAPPER, "10.10.14.11") == "node1.ail.example.com"


def test_a_node_has_the_same_name_after_its_lease_whatever_it_calls_itself(served: Site) -> None:
    served.machine(NODE1).lease(installed_system(1))  # as "localhost"
    assert address_of(served.machines, BOOTSTRAPPER, "node1.ail.example.com") == "10.10.14.11"
    assert name_of(served.machines, BOOTSTRAPPER, "10.10.14.11") == "node1.ail.example.com"


@pytest.mark.parametrize(("mac", "name"), [(NODE3, "node3"), (NAMELESS, "00-25-90-c0-f6-d6")])
def test_a_node_without_an_address_has_its_name_from_its_lease_on(served: Site, mac: str, name: str) -> None:
    address = str(served.machine(mac).lease(bios_rom(mac)).address)
    assert address_of(served.machines, BOOTSTRAPPER, f"{name}.ail.example.com") == address
    assert name_of(served.machines, BOOTSTRAPPER, address) == f"{name}.ail.example.com"


def test_a_machine_cannot_take_the_name_of_a_node(served: Site) -> None:
    served.machine(STRANGER).lease({**installed_system(3), 12: b"node1"})
    assert address_of(served.machines, BOOTSTRAPPER, "node1.ail.example.com") == "10.10.14.11"


def test_the_bootstrapper_and_the_extra_records_have_names(served: Site) -> None:
    for name in ("bootstrapper", "bootstrapper.ail.example.com"):
        assert address_of(served.machines, BOOTSTRAPPER, name) == BOOTSTRAPPER
    assert address_of(served.machines, BOOTSTRAPPER, "printer.ail.example.com") == "10.10.14.130"
    assert name_of(served.machines, BOOTSTRAPPER, "10.10.14.130") == "printer.ail.example.com"


def test_other_names_are_asked_upstream_and_own_ones_never(served: Site) -> None:
    assert address_of(served.machines, BOOTSTRAPPER, "www.outside.example") == "192.0.2.7"
    assert address_of(served.machines, BOOTSTRAPPER, "nobody.ail.example.com") is None
    assert address_of(served.machines, OUTSIDE, "www.outside.example") == "192.0.2.7"


def test_the_loader_and_the_pxelinux_configuration_come_by_tftp(served: Site) -> None:
    assert fetch(served.machines, BOOTSTRAPPER, "undionly.kpxe") == LOADER
    assert b"DEFAULT decide" in fetch(served.machines, BOOTSTRAPPER, "pxelinux.cfg/default")


@pytest.mark.parametrize("path", ["../kboot/leases/dnsmasq.leases", "/etc/passwd", "nothing"])
def test_tftp_gives_nothing_else(served: Site, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        fetch(served.machines, BOOTSTRAPPER, path)


def test_dhcp_is_not_answered_on_another_interface(served: Site) -> None:
    assert served.machine(NODE1, OTHER).ask(DISCOVER, bios_rom(NODE1), wait_s=1) is None
    assert served.machine(NODE1).ask(DISCOVER, bios_rom(NODE1)) is not None


def test_dnsmasq_listens_at_its_own_interface_alone_and_there_at_no_other_ipv4_address(served: Site) -> None:
    sockets = served.server.run("ss", "--listening", "--tcp", "--udp", "--numeric", "--no-header").stdout
    bound = {line.split()[4] for line in sockets.splitlines()}
    assert {f"{BOOTSTRAPPER}:53", f"{BOOTSTRAPPER}:69", f"0.0.0.0%{OWN}:67"} <= bound
    rest = {each for each in bound if not each.startswith(f"{BOOTSTRAPPER}:")} - {f"0.0.0.0%{OWN}:67"}
    assert all(each.startswith("[fe80:") and f"]%{OWN}:" in each for each in rest), rest
