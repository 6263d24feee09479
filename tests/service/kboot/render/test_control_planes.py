"""A worker and three control planes of which one is on: real script, /etc/hosts and certificates, on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterFolder, load_text
from kboot_clusterdesc.model import API_PORT
from support.kubernetes_api import TlsServer, own_loopback
from support.namespace import etc_folder

_DESCRIPTION = """\
apiVersion: kboot/v1
cluster: {{name: unit, domain: unit.example.com}}
network: {{bootstrapper: {0}.1, subnet: {0}.0/24, dhcp: {{mode: 'off'}}}}
kubernetes: {{version: v1.36.2}}
nodes:
  - {{mac: "02:00:00:00:00:01", name: node1, ip: {0}.11, roles: [control-plane, etcd]}}
  - {{mac: "02:00:00:00:00:02", name: node2, ip: {0}.12, roles: [control-plane, etcd]}}
  - {{mac: "02:00:00:00:00:03", name: node3, ip: {0}.13, roles: [control-plane, etcd]}}
  - {{mac: "02:00:00:00:00:04", name: node4, ip: {0}.14, roles: [worker]}}
"""
# A machine's own /etc and /var; The network is this machine's, since loopback is where the servers are.
_ENTERED = 'mount --bind "$1/etc" /etc && mount --bind "$1/var" /var && PATH="$1/bin:$PATH" exec "$1$2"'
_PREPARE = "/opt/bin/kboot-kubelet-prepare"


class Worker:
    """node4 as a folder, and a stand-in for the API server of each control plane."""

    def __init__(self, folder: Path) -> None:
        desc = load_text(_DESCRIPTION.format(own_loopback()), "unit.yaml")
        secrets = load_or_create(ClusterFolder(folder / "state", "unit"), desc, datetime.now(UTC))
        self.folder = folder / "node4"
        etc_folder(self.folder / "etc")
        for name in ("var", "bin"):
            (self.folder / name).mkdir()
        (self.folder / "bin" / "sysctl").symlink_to("/bin/true")
        config = node_config(desc, desc.nodes[3], secrets, Attachments())
        (unit,) = [each.content or "" for each in config.units if each.name == "kubelet.service"]
        lines = [line.removeprefix("Environment=") for line in unit.splitlines() if line.startswith("Environment=")]
        self.environment = dict(line.split("=", 1) for line in lines)
        for file in config.files:
            if file.path.startswith(("/etc/hosts", "/etc/kubernetes/kubelet", "/opt/bin")):
                path = self.folder / file.path.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                path.chmod(file.mode)
        self.apis = [
            TlsServer(
                (str(node.ip), API_PORT),
                secrets.node_keys[node.mac]["apiserver"],
                folder / node.name,
                lambda path: (200 if path == "/readyz" else 404, b"ok"),
            )
            for node in desc.control_planes
        ]

    def run(self, path: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a script of the machine."""
        words = ["unshare", "--mount", "sh", "-c", _ENTERED, "sh", str(self.folder), path]
        environment = {"PATH": os.defpath, "HOME": "/root", **self.environment}
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, env=environment)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """All of its control planes are off."""
    made = Worker(tmp_path)
    yield made
    for api in made.apis:
        api.stop()


@pytest.mark.parametrize("alive", [0, 1, 2])
def test_a_kubelet_starts_where_any_control_plane_answers(worker: Worker, alive: int) -> None:
    worker.apis[alive].start()
    done = worker.run(_PREPARE)
    assert done.returncode == 0, done.stderr
    assert [api.asked for api in worker.apis] == [["/readyz"] if number == alive else [] for number in range(3)]


def test_it_waits_where_none_does(worker: Worker) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        worker.run(_PREPARE, timeout_s=3)
