"""A cluster of its own for a test: brought up, asked, and taken down again whatever happens."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, TextIO

from kboot.bring_up.up import Outcome, up
from kboot.host.engine import LABEL_CLUSTER, Engine
from kboot.host.progress import Progress
from kboot.render.compose import LabNetwork
from kboot_clusterdesc import ClusterFolder


class TestCluster:
    """One cluster in the lab's network mode, without machines."""

    __test__ = False

    def __init__(self, root: Path, name: str, subnet: str, roles: str = "worker") -> None:
        self.name = name
        self.root = root
        self.subnet = IPv4Network(subnet)
        self.bootstrapper = self._host(253)
        self.path = root / f"{name}.yaml"
        self.folder = ClusterFolder(root, name)
        self.network = LabNetwork(self._host(254), IPv4Network(f"{self._host(224)}/28"))
        self.upstream = "192.0.2.53"
        self.time_servers = ""
        self.updates = True
        self.roles = roles
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, once the cluster has a folder."""
        if self._engine is None:
            self._engine = Engine(self.folder)
        return self._engine

    def describe(self, **more: str) -> None:
        """Write the description; `more` are top-level keys as YAML."""
        extra = "\n".join(f"{key}: {value}" for key, value in more.items())
        self.path.write_text(
            f"""apiVersion: kboot/v1
cluster: {{name: {self.name}, domain: {self.name}.example.com}}
network:
  bootstrapper: {self.bootstrapper}
  subnet: {self.subnet}
  dhcp: {{mode: serve, range: [{self._host(100)}, {self._host(150)}]}}
  upstream_dns: [{self.upstream}]
  ntp: [{self.time_servers}]
os: {{release_url: "http://{self._host(9)}/{{channel}}/{{board}}", update: {{enabled: {str(self.updates).lower()}}}}}
nodes:
  - {{mac: "52:54:00:77:00:01", name: node1, ip: {self._host(11)}, roles: [{self.roles}]}}
{extra}
"""
        )

    def up(self, said: TextIO | None = None) -> Outcome:
        """`kboot up`, in the lab's network mode; what it says goes to `said`."""
        return up(self.path, self.root, Progress(said or io.StringIO()), network=self.network, timeout_s=180)

    def container(self, service: str) -> Any:
        """The container of a service, as the engine has it now."""
        found = [each for each in self.engine.containers() if each.labels["com.docker.compose.service"] == service]
        assert len(found) == 1, f"{service}: {found}"
        return found[0]

    def kboot(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real command, on this cluster's root."""
        command = [sys.executable, "-m", "kboot.cli.main", *arguments, "--root", str(self.root)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def compose(self, *arguments: str) -> str:
        """Plain `docker compose` on the project."""
        command = ["docker", "compose", "-p", f"kboot-{self.name}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    def remove(self) -> None:
        """Leave nothing of it in the engine."""
        self.engine.down()
        self.engine.remove_labelled(LABEL_CLUSTER, self.name)

    def _host(self, number: int) -> IPv4Address:
        return self.subnet.network_address + number


@contextmanager
def cluster_up(root: Path, name: str, subnet: str, roles: str = "worker") -> Iterator[TestCluster]:
    """A cluster that is up; removed at the end."""
    cluster = TestCluster(root, name, subnet, roles)
    cluster.describe()
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.remove()
