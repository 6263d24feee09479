"""The bootstrapper is away for longer than a lease: pods run on, nodes start and come back without it."""

from __future__ import annotations

from pathlib import Path

from kboot.host.engine import Engine
from kboot.host.waiting import looks
from kboot_compose.service_names import SERVICE_NAMES
from rack.kubernetes import HELLO, cluster_up
from support.kubernetes_lab import KubernetesLab

LEASE_S = 120
DESCRIPTION = """apiVersion: kboot/v1
cluster: {{name: away, domain: away.example.com}}
network:
  bootstrapper: 10.77.27.253
  subnet: 10.77.27.0/24
  dhcp: {{mode: serve, range: [10.77.27.100, 10.77.27.150], lease: 2m}}
  routers: [10.77.27.254]
os: {{family: flatcar, channel: stable, version: current, config: ignition}}
kubernetes:
  version: {version}
  cni: {{name: routes}}
nodes:
  - {{mac: "52:54:00:77:27:01", name: node1, ip: 10.77.27.11, roles: [control-plane, etcd]}}
  - {{mac: "52:54:00:77:27:02", name: node2, ip: 10.77.27.12, roles: [worker]}}
  - {{mac: "52:54:00:77:27:03", name: node3, roles: [worker]}}
"""
WORKERS = ("node2", "node3")


def _services(lab: KubernetesLab, way: str) -> None:
    """Start or stop every service; the holder of the network stays, since the test itself looks from there."""
    for container in Engine(lab.folder).containers():
        if container.labels["com.docker.compose.service"] in SERVICE_NAMES:
            getattr(container, way)()


def _addresses(lab: KubernetesLab) -> dict[str, str]:
    return {name: str(node.address) for name, node in lab.nodes().items()}


def test_a_bootstrapper_that_is_away_for_two_leases_stops_nothing(tmp_path: Path) -> None:
    with cluster_up(tmp_path, "away", DESCRIPTION) as lab:
        lab.wait_kubectl("apply", "--filename", str(HELLO))
        pods = lab.wait_pods("hello", {}, WORKERS)
        nodes, addresses = lab.wait_nodes({}), _addresses(lab)
        for name in WORKERS:
            lab.ssh(name, "sync")
        _services(lab, "stop")
        try:
            for _ in looks(2 * LEASE_S + 60, 20):
                assert lab.pods("hello") in ({}, pods), "a pod was started anew"
            assert lab.pods("hello") == pods
            assert _addresses(lab) == addresses
            here, there = (pods[name] for name in WORKERS)
            asked = lab.wait_kubectl("exec", here.name, "--", "/hello", "get", f"http://{there.address}:8080/")
            assert asked == f"hello from {there.name}"

            # A kubelet that starts anew finds the API by its name; a node that boots has its address and its name.
            assert lab.kboot("lab", "power", "node2", "cycle").returncode == 0
            again = lab.wait_nodes({"node2": nodes["node2"]})
            assert again["node2"].uid == nodes["node2"].uid
            lab.wait_pods("hello", {"node2": pods["node2"]}, WORKERS)
        finally:
            _services(lab, "start")
        assert lab.wait_node("node2", "ready")["reason"] is None
        for name in ("node1", "node3"):
            assert lab.node(name)["phase"] == "ready"
