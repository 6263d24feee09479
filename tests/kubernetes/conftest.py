"""The lab of the Kubernetes tests. Everything of it is removed at the end, also after a failure."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from support.kubernetes_lab import KubernetesLab, version_at_hand

DESCRIPTION = """apiVersion: kboot/v1
cluster: {{name: kube, domain: kube.example.com}}
network:
  bootstrapper: 10.77.30.253
  subnet: 10.77.30.0/24
  dhcp: {{mode: serve, range: [10.77.30.100, 10.77.30.150], lease: 24h}}
  routers: [10.77.30.254]
os: {{family: flatcar, channel: stable, version: current, config: ignition}}
kubernetes:
  version: {version}
  cni: {{name: routes}}
nodes:
  - {{mac: "52:54:00:77:30:01", name: node1, ip: 10.77.30.11, roles: [control-plane, etcd]}}
  - {{mac: "52:54:00:77:30:02", name: node2, ip: 10.77.30.12, roles: [worker]}}
  - {{mac: "52:54:00:77:30:03", name: node3, roles: [worker]}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesLab]:
    """The lab, not up yet."""
    version = version_at_hand()
    root: Path = tmp_path_factory.mktemp("lab")
    path = root / "cluster.yaml"
    path.write_text(DESCRIPTION.format(version=version))
    made = KubernetesLab(root, path, "kube")
    yield made
    made.kboot("lab", "down", "--cluster", made.name, timeout_s=300)
    assert made.leftovers() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Who reads of a failure has no lab to look at any more."""
    report = yield
    lab = item.funcargs.get("lab")
    if report.when == "call" and report.failed and isinstance(lab, KubernetesLab):
        report.sections.append(("the cluster at that moment", lab.account()))
    return report
