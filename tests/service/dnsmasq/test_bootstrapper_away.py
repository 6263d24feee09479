"""An installed machine's address while the bootstrapper is away, with the real systemd-networkd and dnsmasq.

The lease is the shortest that dnsmasq gives, two minutes: most of this test waits for its end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface
from pathlib import Path

from kboot.host.waiting import looks
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import load_text
from service.dnsmasq.daemon import OWN, SERVED, Site, network, started
from support.fixed_secrets import fixed_secrets
from support.namespace import etc_folder, ip

_LEASE_S = 120
_NETWORKD = "/lib/systemd/systemd-networkd"
_DESCRIPTION = SERVED.replace("lease: 90m", f"lease: {_LEASE_S}s")


def test_a_machine_keeps_its_address_past_its_lease_and_takes_a_new_one_when_it_is_given(tmp_path: Path) -> None:
    with network("away", _DESCRIPTION, tmp_path) as site, networkd(site, tmp_path) as log:
        with started(site):
            until_at(site, "10.10.14.11", log)
        for _ in looks(_LEASE_S + 60, 1):  # nobody answers
            assert address(site) == "10.10.14.11", log.read_text()
            if "ignoring request to reconfigure it" in log.read_text():  # the lease has ended
                break
        assert "ignoring request to reconfigure it" in log.read_text()
        hosts = site.mounts["/etc"] / "kboot" / "dhcp-hosts"
        hosts.write_text(hosts.read_text().replace("10.10.14.11", "10.10.14.12"))
        with started(site):
            until_at(site, "10.10.14.12", log)


@contextmanager
def networkd(site: Site, folder: Path) -> Iterator[Path]:
    """systemd-networkd of the first node, with the file that its node config has; its log."""
    desc = load_text(_DESCRIPTION, "site.yaml")
    node = desc.nodes[0]
    files = node_config(desc, node, fixed_secrets(desc), Attachments()).files
    own = next(file.content.decode() for file in files if file.path == "/etc/systemd/network/10-kboot.network")
    etc, run = etc_folder(folder / "machine-etc"), folder / "machine-run"
    (etc / "systemd" / "network").mkdir(parents=True)
    # the card of a test is a veth, which on a machine is a pod's
    (etc / "systemd" / "network" / "10-kboot.network").write_text(own.replace("Kind=!*\n", ""))
    (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (run / "netif").mkdir(parents=True)
    for path in (run, run / "netif"):
        shutil.chown(path, "systemd-network", "systemd-network")
    machine = site.machines.name
    ip("-n", machine, "addr", "flush", "dev", OWN)
    ip("-n", machine, "link", "set", OWN, "down")
    ip("-n", machine, "link", "set", OWN, "address", str(node.mac))
    # without udev, which a namespace has not, it waits for nobody where /sys cannot be written
    command = ["sh", "-c", f"mount -o remount,ro,bind /sys && exec {_NETWORKD}"]
    log = folder / "networkd.log"
    with site.machines.daemon(command, {"/etc": etc, "/run/systemd": run}, log):
        yield log


def address(site: Site) -> str | None:
    """The address of the machine's card."""
    shown = site.machines.run("ip", "-4", "-brief", "address", "show", "dev", OWN).stdout.split()
    found = [IPv4Interface(word) for word in shown if word.count(".") == 3]
    return str(found[0].ip) if found else None


def until_at(site: Site, wanted: str, log: Path) -> None:
    """Wait until the machine has that address."""
    for _ in looks(120, 0.5):
        if address(site) == wanted:
            return
    raise AssertionError(f"at {address(site)}, not at {wanted}: {log.read_text()}\n{site.log.read_text()}")
