"""The lab of the machine tests. Everything of it is removed at the end, also after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.lab import Lab

DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: machines, domain: machines.example.com}
network:
  bootstrapper: 10.77.20.253
  subnet: 10.77.20.0/24
  dhcp: {mode: serve, range: [10.77.20.100, 10.77.20.150], lease: 24h}
  routers: [10.77.20.254]
os: {family: flatcar, channel: stable, version: current, config: ignition, timezone: Europe/Berlin}
nodes:
  - {mac: "52:54:00:77:20:01", name: node1, ip: 10.77.20.11, roles: [control-plane, etcd]}
  - {mac: "52:54:00:77:20:02", name: node2, ip: 10.77.20.12, roles: [etcd]}
  - {mac: "52:54:00:77:20:03", name: node3, roles: [etcd, worker]}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab, not up yet."""
    root: Path = tmp_path_factory.mktemp("lab")
    path = root / "cluster.yaml"
    path.write_text(DESCRIPTION)
    made = Lab(root, path, "machines")
    yield made
    made.kboot("lab", "down", "--cluster", made.name, timeout_s=300)
    assert made.leftovers() == []
