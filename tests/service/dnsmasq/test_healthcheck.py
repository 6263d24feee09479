"""The container's health check, against dnsmasq as each `dhcp.mode` has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from service.dnsmasq.daemon import BOOTSTRAPPER, OTHER, OWN, SERVED, Site, network, started
from service.dnsmasq.test_proxy_and_off import description
from support.dhcp_client import DISCOVER
from support.machines import bios_rom
from support.places import SERVICES

NODE1 = "52:54:00:12:34:56"
_SERVICE = SERVICES / "dnsmasq"


def check(site: Site, run: Path) -> subprocess.CompletedProcess[str]:
    """The health check on the bootstrapper's side; `run` is the container's /run/kboot."""
    environment = {"KBOOT_BIND": BOOTSTRAPPER, "KBOOT_RUN": str(run), "PATH": f"{_SERVICE}:{os.environ['PATH']}"}
    command = ("sh", str(_SERVICE / "healthcheck"))
    return site.server.run(*command, mounts={"/etc": site.mounts["/etc"]}, environment=environment)


@pytest.mark.parametrize("mode", ["serve", "proxy", "off"])
def test_a_dnsmasq_that_serves_all_it_should_is_healthy(mode: str, tmp_path: Path) -> None:
    with network(f"well-{mode}", SERVED if mode == "serve" else description(mode), tmp_path) as site, started(site):
        done = check(site, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        asked = {"serve": "DHCPACK", "proxy": "PXE(", "off": "sent"}[mode]
        assert asked in site.log.read_text()
        assert (tmp_path / "dhcp-answered").exists() == (mode != "off")
        assert not (site.mounts["/var/lib"] / "kboot" / "leases" / "dnsmasq.leases").exists() or site.leases == []


def test_dhcp_is_asked_once_a_minute_while_it_answers(tmp_path: Path) -> None:
    with network("once", SERVED, tmp_path) as site, started(site):
        for _ in range(3):
            assert check(site, tmp_path).returncode == 0
        assert site.log.read_text().count("DHCPACK") == 1
        os.utime(tmp_path / "dhcp-answered", (0, 0))
        assert check(site, tmp_path).returncode == 0
        assert site.log.read_text().count("DHCPACK") == 2


def test_a_loader_that_does_not_come_is_noticed(tmp_path: Path) -> None:
    with network("tftp", SERVED, tmp_path) as site, started(site):
        (site.mounts["/var/lib"] / "tftpboot" / "undionly.kpxe").unlink()
        done = check(site, tmp_path)
    assert (done.returncode, done.stdout) == (1, "TFTP does not answer\n")


def test_dhcp_that_does_not_answer_is_noticed(tmp_path: Path) -> None:
    with network("deaf", SERVED, tmp_path) as site:
        config = site.mounts["/etc"] / "dnsmasq.conf"
        config.write_text(f"{config.read_text()}no-dhcp-interface={OWN}\n")
        with started(site):
            done = check(site, tmp_path)
        assert done.returncode != 0
        assert f"DHCP does not answer at {OWN}" in done.stderr


def test_a_card_that_was_made_anew_is_served_as_before(tmp_path: Path) -> None:
    """A bond or VLAN that networkd made again: another device of the same name."""
    with network("anew", SERVED, tmp_path) as site, started(site):
        site.unplug()
        site.plug_in()
        for _ in looks(10, 0.2):
            done = check(site, tmp_path)
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stdout + done.stderr
        for mac, interface in ((NODE1, OWN), (NODE1, OTHER)):
            offer = site.machine(mac, interface).ask(DISCOVER, bios_rom(mac), wait_s=2)
            assert (offer is not None) == (interface == OWN)
