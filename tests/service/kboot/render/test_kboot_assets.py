"""The binaries that a machine fetches before its kubelet starts: the real script, against the cloud-config server."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from kboot_clusterdesc import load_text
from service.kboot.render.test_scripts import node_file
from support.kubernetes_api import own_loopback
from support.namespace import etc_folder
from support.standing import StandingCluster

_VERSION = "v1.36.2"


class Machine:
    """A machine, and the bootstrapper's folder of binaries."""

    def __init__(self, folder: Path) -> None:
        self.folder, network = folder, own_loopback()
        desc = load_text(
            "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
            f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n"
            f"kubernetes: {{version: {_VERSION}, cni: {{name: none}}}}\n"
            f'nodes: [{{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [control-plane, etcd]}}]\n',
            "unit.yaml",
        )
        self.bootstrapper = StandingCluster(folder / "root", desc)
        self.offered = self.bootstrapper.folder.assets / "kubernetes" / _VERSION
        self.offered.mkdir(parents=True)
        etc = etc_folder(folder / "etc")
        (etc / "kboot").mkdir()
        shutil.copy(self.bootstrapper.folder.pki / "cluster-ca.pem", etc / "kboot" / "ca.pem")
        (folder / "opt").mkdir()
        (folder / "kboot-assets").write_bytes(node_file(desc, "/opt/bin/kboot-assets"))
        self.kubelet = folder / "opt" / "kboot" / "kubernetes" / _VERSION / "kubelet"

    def offer(self, kubelet: str) -> None:
        """Have these binaries on the bootstrapper."""
        files = {"kubelet": kubelet, "kubectl": "kubectl"}
        for name, text in files.items():
            (self.offered / name).write_text(text)
        lines = (f"{sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
        (self.offered / "SHA256SUMS").write_text("".join(lines))

    def boots(self) -> bool:
        """Run the script as a boot does; whether the kubelet finds what it needs."""
        mounts = 'mount --bind "$1/etc" /etc && mount --bind "$1/opt" /opt'
        command = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec bash "$1/kboot-assets"', "sh", str(self.folder)]
        return subprocess.run(command, capture_output=True, timeout=120).returncode == 0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.bootstrapper.stop()


def test_a_machine_that_has_its_binaries_boots_without_the_bootstrapper_at_once(machine: Machine) -> None:
    machine.offer("the first")
    machine.bootstrapper.start()
    assert machine.boots()
    assert machine.kubelet.read_text() == "the first"
    machine.bootstrapper.stop()
    begun = time.monotonic()
    assert machine.boots()
    assert time.monotonic() - begun < 10
    assert machine.kubelet.read_text() == "the first"


def test_a_binary_that_is_another_one_on_the_bootstrapper_is_brought_anew(machine: Machine) -> None:
    machine.offer("the first")
    machine.bootstrapper.start()
    assert machine.boots()
    machine.offer("the second")
    assert machine.boots()
    assert machine.kubelet.read_text() == "the second"


def test_a_machine_that_lacks_a_binary_does_not_go_on_without_it(machine: Machine) -> None:
    machine.offer("the first")
    machine.bootstrapper.start()
    assert machine.boots()
    machine.kubelet.unlink()
    (machine.offered / "SHA256SUMS").unlink()
    assert not machine.boots()
