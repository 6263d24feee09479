"""A machine whose `ip` was changed in the description: it is given nothing that would move it while it is given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.running.kubectl import Kubectl
from kboot.running.ssh import Login
from kboot.upgrade.live import LiveNodes
from kboot.upgrade.moves import reason_against
from kboot_clusterdesc import ClusterDesc, Mac, load_text
from kboot_clusterdesc.shared_files import LEASES
from support.kubernetes_api import own_loopback
from support.noted_ssh import noted_ssh
from support.standing import StandingCluster

_MAC = Mac("02:00:00:00:00:01")


class Site:
    """A cluster where kboot hands out addresses, with one machine that runs."""

    def __init__(self, folder: Path) -> None:
        self.network = own_loopback()
        self.cluster = StandingCluster(folder / "root", self.described(11))
        self.lease(11)
        self.cluster.start()
        self.cluster.install("node1")

    def described(self, last: int | None, mode: str = "serve") -> ClusterDesc:
        """The description with the `ip` that ends so; None: the node has none."""
        net = self.network
        serves = f"{{mode: serve, range: [{net}.100, {net}.150]}}" if mode == "serve" else f"{{mode: '{mode}'}}"
        own = "" if last is None else f"ip: {net}.{last}, "
        return load_text(
            "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
            f"network: {{bootstrapper: {net}.1, subnet: {net}.0/24, dhcp: {serves}}}\n"
            f'nodes:\n  - {{mac: "{_MAC}", name: node1, {own}roles: [worker]}}\n',
            "unit.yaml",
        )

    def lease(self, last: int) -> None:
        """The machine has this lease, for ever."""
        (self.cluster.folder.leases / LEASES).write_text(f"0 {_MAC} {self.network}.{last} node1 *\n")

    def edit(self, desc: ClusterDesc) -> None:
        """Put this description into force."""
        self.cluster.desc = desc
        self.cluster.up()

    def upgrade(self) -> LiveNodes:
        """What `kboot upgrade` looks with; no API server is asked here."""
        tool = Kubectl(Path("kubectl"), Path("/nowhere"), (), list)
        login = Login(trusts_first_contact=True)
        return LiveNodes(self.cluster.folder, self.cluster.desc, "v1.36.2", tool, print, login=login, timeout_s=10)

    def apply(self) -> int:
        """`kboot node apply`; its exit code."""
        return self.cluster.kboot("node", "apply", "node1", "--trust-first-contact")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.cluster.stop()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once a machine was reached by ssh."""
    return noted_ssh(tmp_path, monkeypatch)


def test_a_machine_is_not_moved_to_another_ip_by_the_connection_that_goes_with_it(
    site: Site, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.apply() == 0
    asked.unlink()
    site.edit(site.described(12))
    capsys.readouterr()
    assert site.apply() == 2
    net = site.network
    assert capsys.readouterr() == (
        "",
        f"error: nothing was touched: node1 has {net}.11, and with its new config it would leave that for {net}.12 "
        "midway\n  hint: `kboot node reinstall node1` moves it; one that had no `ip` so far has the new one after its "
        "next boot: docs/networks.md: Another address\n",
    )
    (reason,) = site.upgrade().unreachable(["node1"])
    assert reason.startswith(f"node1 has {net}.11, and with its new config it would leave that for {net}.12 midway (`")
    assert not asked.exists()
    site.lease(12)  # it had no `ip` of its own, and booted
    assert site.upgrade().unreachable(["node1"]) == []
    assert site.apply() == 0
    assert asked.exists()


def test_ctrl_c_says_that_the_machine_may_have_a_part_of_its_config(site: Site, asked: Path) -> None:
    (asked.parent / "bin" / "ssh").write_text("#!/bin/sh\nkill -INT $PPID; exec sleep 60\n")
    root = str(site.cluster.folder.root)
    command = [sys.executable, "-m", "kboot.cli.main", "node", "apply", "node1", "--trust-first-contact"]
    done = subprocess.run([*command, "--root", root], capture_output=True, text=True, timeout=60)
    said = "node1 may have a part of the config by now: `kboot node apply node1` goes on with the rest"
    assert (done.returncode, done.stderr.splitlines()[-2:]) == (130, [said, "interrupted"])


def test_only_a_machine_that_would_leave_its_address_is_held(site: Site) -> None:
    machine = {**site.cluster.node("node1"), "config": "outdated"}
    assert reason_against(site.described(11), machine) is None
    assert reason_against(site.described(None), machine) is None  # it goes on with the same address, by DHCP
    assert reason_against(site.described(12, "off"), machine) is None  # the site's server decides
    moved = site.described(12)
    assert reason_against(moved, machine) is not None
    assert reason_against(moved, {**machine, "config": "current"}) is None  # a lease of its install, by another card
    assert reason_against(moved, {**machine, "ip": None}) is None
    joined = moved.model_copy(update={"nodes": ()})
    assert reason_against(joined, machine) is None
