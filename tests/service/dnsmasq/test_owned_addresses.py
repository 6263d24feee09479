"""Addresses that are somebody's: a node's whose board was changed, those of what answers a ping or has a name."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kboot_clusterdesc import load_text
from service.dnsmasq.daemon import OUTSIDE, OWN, SERVED, Site, network, started
from support.dhcp_client import DISCOVER
from support.machines import bios_rom, installed_system, ipxe
from support.namespace import ip
from support.rendering import rendered_files

NODE1, NODE2, NEW, STRANGER = "52:54:00:12:34:56", "52:54:00:12:34:57", "52:54:00:99:99:99", "02:00:00:00:00:10"


def edited(site: Site, description: str) -> None:
    """What `kboot up` renders for an edited description, in the place of what is there."""
    files = rendered_files(load_text(description, "site.yaml"), interface=OWN)
    for name in ("dhcp-hosts", "hosts"):
        (site.mounts["/etc"] / "kboot" / name).write_bytes(files[f"config/{name}"].content)


def offered(site: Site, mac: str) -> str:
    """The address in the answer to the first DISCOVER."""
    offer = site.machine(mac).ask(DISCOVER, bios_rom(mac))
    assert offer is not None
    return str(offer.address)


@pytest.mark.parametrize("lease", ["24h", "infinite"])
def test_a_new_board_is_offered_the_address_of_its_node_at_once_and_the_old_one_another(
    lease: str, tmp_path: Path
) -> None:
    before = SERVED.replace("lease: 90m", f"lease: {lease}")
    with network("board", before, tmp_path) as site:
        with started(site):
            assert str(site.machine(NODE1).lease(installed_system(1)).address) == "10.10.14.11"
            kept = str(site.machine(STRANGER).lease(bios_rom(STRANGER)).address)
        edited(site, before.replace(NODE1, NEW))
        with started(site):
            assert "the lease of 10.10.14.11 to 52:54:00:12:34:56 ends" in site.log.read_text()
            assert offered(site, NEW) == "10.10.14.11"
            for stage in (bios_rom(NEW), ipxe(), installed_system(2)):
                reply = site.machine(NEW).lease(stage)
                assert (str(reply.address), reply.options.get(12)) == ("10.10.14.11", b"node1")
            assert str(site.machine(NODE1).lease(installed_system(1)).address).startswith("10.10.14.1")
            assert offered(site, NODE1) not in ("10.10.14.11", kept)
            assert offered(site, STRANGER) == kept


def test_two_nodes_that_swap_their_addresses_get_the_new_ones_at_once(tmp_path: Path) -> None:
    with network("swap", SERVED, tmp_path) as site:
        with started(site):
            assert [offered(site, mac) for mac in (NODE1, NODE2)] == ["10.10.14.11", "10.10.14.150"]
            for mac in (NODE1, NODE2):
                site.machine(mac).lease(installed_system(1))
        swapped = SERVED.replace("10.10.14.150", "10.10.14.X").replace("10.10.14.11,", "10.10.14.150,")
        edited(site, swapped.replace("10.10.14.X", "10.10.14.11"))
        with started(site):
            assert [offered(site, mac) for mac in (NODE1, NODE2)] == ["10.10.14.150", "10.10.14.11"]
            assert "not using configured address" not in site.log.read_text()


def test_leases_that_are_in_nobodys_way_are_kept_over_a_start_as_they_were(tmp_path: Path) -> None:
    with network("kept", SERVED, tmp_path) as site:
        with started(site):
            for mac in (NODE1, STRANGER):
                site.machine(mac).lease(bios_rom(mac))
        before, file = site.leases, site.mounts["/var/lib"] / "kboot/leases/dnsmasq.leases"
        assert len(before) == 2
        inode = file.stat().st_ino
        with started(site):
            assert site.leases == before
            assert file.stat().st_ino == inode
            assert "kboot:" not in site.log.read_text()


def test_on_a_full_disk_no_lease_is_lost_for_one_that_ends(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    ends = int(time.time()) + 3600
    lines = [f"{ends} 02:00:00:00:01:{last:02x} 10.10.14.{last} * *" for last in range(100, 200)]
    with network("full", SERVED, tmp_path) as site, _filesystem(small, "12k"):
        site.mounts["/var/lib/kboot/leases"] = small
        (small / "dnsmasq.leases").write_text("".join(f"{line}\n" for line in lines))
        with started(site):
            left = (small / "dnsmasq.leases").read_text().splitlines()
            assert {line.split()[2] for line in left} == {line.split()[2] for line in lines}
            assert "the lease of 10.10.14.150 to 02:00:00:00:01:96 ends" in site.log.read_text()
            assert "dnsmasq.leases stays as it was" in site.log.read_text()
            assert [each.name for each in small.iterdir()] == ["dnsmasq.leases"]


@contextmanager
def _filesystem(folder: Path, size: str) -> Iterator[None]:
    """A filesystem of this size at `folder`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_what_answers_a_ping_in_the_range_keeps_its_address(tmp_path: Path) -> None:
    with network("alive", SERVED, tmp_path) as site:
        with started(site):
            usual = offered(site, STRANGER)
        ip("-n", site.machines.name, "addr", "add", f"{usual}/24", "dev", OWN)
        with started(site):
            first = offered(site, STRANGER)
            assert first != usual
            assert str(site.machine(STRANGER).lease(bios_rom(STRANGER)).address) == first
        ip("-n", site.machines.name, "addr", "del", f"{usual}/24", "dev", OWN)
        assert OUTSIDE not in (usual, first)


def test_an_address_that_the_description_names_is_leased_to_nobody(tmp_path: Path) -> None:
    """A range of two addresses, one of which is the printer's, which is off."""
    tight = SERVED.replace("[10.10.14.100, 10.10.14.199]", "[10.10.14.130, 10.10.14.131]")
    with network("printer", tight, tmp_path) as site, started(site):
        assert str(site.machine(STRANGER).lease(bios_rom(STRANGER)).address) == "10.10.14.131"
        wanted = {50: b"\x0a\x0a\x0e\x82"}
        assert site.machine(NEW).ask(DISCOVER, {**bios_rom(NEW), **wanted}, wait_s=5) is None
