"""Three control planes, each off in turn: the API answers, nodes stay Ready, a pod is made meanwhile."""

from __future__ import annotations

from pathlib import Path

from kboot.host.waiting import looks
from rack.kubernetes import cluster_up
from support.kubernetes_lab import KubernetesLab

NODES = ("node1", "node2", "node3")
DESCRIPTION = """apiVersion: kboot/v1
cluster: {{name: cps, domain: cps.example.com}}
network:
  bootstrapper: 10.77.26.253
  subnet: 10.77.26.0/24
  dhcp: {{mode: serve, range: [10.77.26.100, 10.77.26.150], lease: 24h}}
  routers: [10.77.26.254]
os: {{family: flatcar, channel: stable, version: current, config: ignition}}
kubernetes:
  version: {version}
  cni: {{name: routes}}
nodes:
  - {{mac: "52:54:00:77:26:01", name: node1, ip: 10.77.26.11, roles: [control-plane, etcd, worker]}}
  - {{mac: "52:54:00:77:26:02", name: node2, ip: 10.77.26.12, roles: [control-plane, etcd, worker]}}
  - {{mac: "52:54:00:77:26:03", name: node3, ip: 10.77.26.13, roles: [control-plane, etcd, worker]}}
"""
_AWAY_S = 1800


def _ready(lab: KubernetesLab) -> set[str]:
    return {name for name, node in lab.nodes().items() if node.is_ready}


def _wait_ready(lab: KubernetesLab, wanted: set[str]) -> None:
    found: set[str] = set()
    for _ in looks(_AWAY_S, 5):
        found = _ready(lab)
        if found == wanted:
            return
    raise AssertionError(f"Ready after {_AWAY_S} s: {found}, not {wanted}")


def test_the_api_answers_while_any_control_plane_is_up(tmp_path: Path) -> None:
    with cluster_up(tmp_path, "cps", DESCRIPTION) as lab:
        _wait_ready(lab, set(NODES))
        for name in NODES:
            lab.ssh(name, "sync")
            assert lab.kboot("lab", "power", name, "off").returncode == 0
            _wait_ready(lab, {*NODES} - {name})
            lab.wait_kubectl("create", "configmap", f"while-{name}-is-off", "--from-literal=is=off", timeout_s=_AWAY_S)
            assert lab.kboot("lab", "power", name, "on").returncode == 0
            _wait_ready(lab, set(NODES))
        listed = lab.wait_kubectl("get", "configmaps", "--output=name")
        assert all(f"configmap/while-{name}-is-off" in listed for name in NODES)
