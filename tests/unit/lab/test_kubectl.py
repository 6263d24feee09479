"""Which control plane `kboot lab kubectl` asks: API servers on loopback, and a kubectl that keeps what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from kboot.host.state_folder import make_data_folders
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder, dump, load_text
from kboot_clusterdesc.model import API_PORT
from kboot_lab.kubectl import run_kubectl
from kboot_lab.kubernetes import BINARIES
from support.kubernetes_api import Answer, TlsServer, own_loopback

_DESCRIPTION = """\
apiVersion: kboot/v1
cluster: {{name: unit, domain: unit.example.com}}
network: {{bootstrapper: {0}.1, subnet: {0}.0/24, dhcp: {{mode: 'off'}}}}
kubernetes: {{version: v1.36.2}}
nodes:
  - {{mac: "02:00:00:00:00:01", name: node1, ip: {0}.11, roles: [control-plane, etcd]}}
  - {{mac: "02:00:00:00:00:02", name: node2, ip: {0}.12, roles: [control-plane]}}
"""


class Planes:
    """A lab of two control planes, whose API servers a test starts."""

    def __init__(self, folder: Path) -> None:
        self.desc = load_text(_DESCRIPTION.format(own_loopback()), "unit.yaml")
        self.cluster = ClusterFolder(folder / "root", "unit")
        make_data_folders(self.cluster)
        self.cluster.description.write_bytes(dump(self.desc))
        self.secrets = load_or_create(self.cluster, self.desc, datetime.now(UTC))
        self.started: list[TlsServer] = []
        self._folder = folder

    def start(self, name: str, *answers: Answer) -> None:
        """Start the API server of this node, which gives these answers and then the last of them again."""
        (node,) = [node for node in self.desc.nodes if node.name == name]
        left = list(answers)
        server = TlsServer(
            (str(node.ip), API_PORT),
            self.secrets.node_keys[node.mac]["apiserver"],
            self._folder / name,
            lambda path: left.pop(0) if len(left) > 1 else left[0],
        )
        server.start()
        self.started.append(server)

    def asked(self) -> str:
        """The name of the node that kubectl asks."""
        addresses = {str(node.mac): str(node.ip) for node in self.desc.nodes}
        assert run_kubectl(self.cluster, addresses, ["get", "pods"]) == 7
        (cluster,) = yaml.safe_load((self._folder / "kubeconfig").read_text())["clusters"]
        names = {f"https://{node.ip}:{API_PORT}": node.name for node in self.desc.nodes}
        return str(names[cluster["cluster"]["server"]])


@pytest.fixture
def planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planes]:
    for name in (*BINARIES, "versions"):
        (tmp_path / name).touch()
    (tmp_path / "kubectl").write_text(f'#!/bin/sh\ncat "${{1#--kubeconfig=}}" >{tmp_path}/kubeconfig\nexit 7\n')
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("KBOOT_LAB_KUBERNETES", str(tmp_path))
    made = Planes(tmp_path)
    yield made
    for server in made.started:
        server.stop()


def test_a_control_plane_that_is_off_is_not_asked(planes: Planes) -> None:
    planes.start("node2", (200, b"ok"))
    assert planes.asked() == "node2"


def test_an_api_server_that_is_just_starting_is_waited_for(planes: Planes) -> None:
    planes.start("node2", (500, b"[-]etcd failed"), (500, b"[-]etcd failed"), (200, b"ok"))
    assert planes.asked() == "node2"
