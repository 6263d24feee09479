"""Three machines with Kubernetes come to a new release one at a time; one that does not boot halts after the first."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from kboot.host.waiting import looks
from rack.kubernetes import cluster_up
from support.kubernetes_lab import KubernetesLab
from support.updates import history

ADDRESSES = {"node1": "10.77.29.11", "node2": "10.77.29.12", "node3": "10.77.29.13"}
DESCRIPTION = """apiVersion: kboot/v1
cluster: {{name: rolled, domain: rolled.example.com}}
network:
  bootstrapper: 10.77.29.253
  subnet: 10.77.29.0/24
  dhcp: {{mode: serve, range: [10.77.29.100, 10.77.29.150], lease: 24h}}
  routers: [10.77.29.254]
os: {{family: flatcar, channel: stable, version: current, config: ignition}}
kubernetes:
  version: {version}
  cni: {{name: routes}}
nodes:
  - {{mac: "52:54:00:77:29:01", name: node1, ip: 10.77.29.11, roles: [control-plane, etcd, worker]}}
  - {{mac: "52:54:00:77:29:02", name: node2, ip: 10.77.29.12, roles: [control-plane, etcd, worker]}}
  - {{mac: "52:54:00:77:29:03", name: node3, ip: 10.77.29.13, roles: [control-plane, etcd, worker]}}
"""
WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
        - {maxSkew: 2, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway,
           labelSelector: {matchLabels: {app: web}}}
      containers: [{name: web, image: "kboot.lab/hello:1"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""
OLD, NEW, BROKEN = "3975.2.0", "3975.2.1", "3975.2.2"
_ROLLED_S, _HALTED_S, _SETTLED_S = 7200, 3600, 1800


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesLab]:
    """The cluster, Ready, with pods that a budget protects."""
    root = tmp_path_factory.mktemp("rolled")
    with cluster_up(root, "rolled", DESCRIPTION) as made:
        (root / "web.yaml").write_text(WEB)
        made.wait_kubectl("apply", "--filename", str(root / "web.yaml"))
        made.wait_kubectl("rollout", "status", "deployment/web", "--timeout=600s", timeout_s=1800)
        yield made


def _rollout(lab: KubernetesLab) -> dict[str, Any]:
    done = lab.kboot("os", "rollout", "status", "--json")
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {"state": done.stderr}
    return found


def _begin(lab: KubernetesLab, *release: str) -> None:
    """Publish a release, mirror it and start its rollout."""
    for words in (("lab", "release", *release), ("os", "sync"), ("os", "rollout", "start")):
        done = lab.kboot(*words, timeout_s=1800)
        assert done.returncode == 0, done.stdout + done.stderr


def _versions(lab: KubernetesLab) -> dict[str, str]:
    return {node["name"]: node["version"] for node in lab.status()["nodes"]}


def _away(lab: KubernetesLab) -> set[str]:
    """The machines whose ssh port is closed just now, seen from the bootstrapper."""
    probe = "timeout 5 bash -c '</dev/tcp/{0}/22' 2>/dev/null || echo {0}"
    said = lab.exec("; ".join(probe.format(address) for address in ADDRESSES.values())).split()
    return {name for name, address in ADDRESSES.items() if address in said}


def _has_quorum(lab: KubernetesLab, among: Collection[str]) -> bool:
    """Whether a machine that is there can write to etcd."""
    command = "sudo /opt/bin/kboot-etcd ctl put /during rollout"
    return any(lab.kboot("lab", "ssh", name, "--", command, timeout_s=180).returncode == 0 for name in among)


def _ready_web(lab: KubernetesLab) -> int | None:
    """The pods of the deployment that are ready; None while the API does not answer."""
    done = lab.kubectl("get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}")
    return int(done.stdout or 0) if done.returncode == 0 else None


def _wait_state(lab: KubernetesLab, wanted: str, timeout_s: float) -> dict[str, Any]:
    """The rollout in that state; until then at most one machine is away, etcd writes, two of three pods are ready."""
    rollout: dict[str, Any] = {}
    for _ in looks(timeout_s, 5):
        away = _away(lab)
        assert len(away) <= 1, f"down together: {away}"
        if away:
            assert _has_quorum(lab, ADDRESSES.keys() - away), f"etcd does not write without {away}"
        ready = _ready_web(lab)
        assert ready is None or ready >= 2, f"the budget is not kept: {ready} of 3 are ready"
        rollout = _rollout(lab)
        if rollout["state"] == wanted:
            return rollout
    raise AssertionError(f"not {wanted} after {timeout_s:.0f} s: {rollout}, {_versions(lab)}")


def _wait_rolled_back(lab: KubernetesLab) -> str:
    """The one machine that told, at its first look after the boot, that it is back on its old system."""
    told: dict[str, list[str]] = {}
    for _ in looks(600, 5):
        told = {name: [entry["step"] for entry in history(lab, name)] for name in ADDRESSES}
        if found := [name for name, steps in told.items() if "rolled-back" in steps]:
            (only,) = found
            return only
    raise AssertionError(told)


def test_all_machines_come_to_a_new_release_and_no_two_are_away_together(lab: KubernetesLab) -> None:
    before = lab.wait_nodes({})
    assert set(_versions(lab).values()) == {OLD}
    _begin(lab, NEW)
    _wait_state(lab, "idle", _ROLLED_S)
    assert _versions(lab) == dict.fromkeys(ADDRESSES, NEW)
    lab.wait_nodes(before, _SETTLED_S)  # each of them booted once more
    booted = [[entry["at"] for entry in history(lab, name) if entry["step"] == "booted"] for name in ADDRESSES]
    assert [len(times) for times in booted] == [1, 1, 1]


def test_a_release_that_does_not_boot_halts_after_the_canary_which_is_back_by_itself(lab: KubernetesLab) -> None:
    before = lab.wait_nodes({})
    _begin(lab, BROKEN, "--broken")
    rollout = _wait_state(lab, "halted", _HALTED_S)
    canary = _wait_rolled_back(lab)
    assert canary in rollout["reason"]
    assert _versions(lab) == dict.fromkeys(ADDRESSES, NEW)
    after = lab.wait_nodes({canary: before[canary]}, _SETTLED_S)
    assert {name for name in ADDRESSES if after[name].boot != before[name].boot} == {canary}
    assert "Kernel panic" in lab.kboot("lab", "console", canary).stdout
    assert "Ready,SchedulingDisabled" not in lab.wait_kubectl("get", "nodes")
