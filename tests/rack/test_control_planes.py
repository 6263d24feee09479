"""Three control planes: one off at a time, a new release on one at a time, one that does not boot on one alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import pytest

from kboot.host.waiting import looks
from rack.kubernetes import cluster_up
from support.kubernetes_lab import KubernetesLab
from support.service_client import Turn, asked_from, client_of, loss_of, spans_of_loss
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
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
"""
PORT = 30080
OLD, NEW, BROKEN = "3975.2.0", "3975.2.1", "3975.2.2"
_ROLLED_S, _HALTED_S, _SETTLED_S = 10_800, 5400, 1800
_DRAINED_S = 900


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesLab]:
    """The cluster, Ready, with pods that a budget protects."""
    root = tmp_path_factory.mktemp("rolled")
    with cluster_up(root, "rolled", DESCRIPTION) as made:
        (root / "web.yaml").write_text(WEB)
        made.wait_kubectl("apply", "--filename", str(root / "web.yaml"))
        made.wait_kubectl("rollout", "status", "deployment/web", "--timeout=240s", timeout_s=1800)
        for address in ADDRESSES.values():
            _wait_served(made, address)
        yield made


def _wait_served(lab: KubernetesLab, address: str) -> None:
    """Wait until the Service answers at a node's port."""
    for _ in looks(900, 5):
        words = ("lab", "exec", "curl", "-sf", "--max-time", "30", f"http://{address}:{PORT}/")
        if lab.kboot(*words).returncode == 0:
            return
    raise AssertionError(f"the Service does not answer at {address}")


def _rollout(lab: KubernetesLab) -> dict[str, Any]:
    done = lab.kboot("os", "rollout", "status", "--json", timeout_s=300)
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
    """The machines that are away, seen from the bootstrapper: one that boots is for minutes, a busy one is not."""
    away = set(ADDRESSES)
    for _ in looks(20, 10):
        away &= _silent(lab)
        if len(away) <= 1:
            break
    return away


def _silent(lab: KubernetesLab) -> set[str]:
    """The machines whose ssh port does not open just now."""
    probe = "timeout 10 bash -c '</dev/tcp/{0}/22' 2>/dev/null || echo {0}"
    said = lab.exec("; ".join(probe.format(address) for address in ADDRESSES.values())).split()
    return {name for name, address in ADDRESSES.items() if address in said}


def _has_quorum(lab: KubernetesLab, among: Collection[str]) -> bool:
    """Whether a machine that is there can write to etcd, once another leader is elected where that is the one away."""
    command = "timeout 60 sudo /opt/bin/kboot-etcd ctl put /during rollout"
    for _ in looks(300, 5):
        for name in among:
            try:
                if lab.kboot("lab", "ssh", name, "--", command, timeout_s=180).returncode == 0:
                    return True
            except subprocess.TimeoutExpired:
                continue  # its turn may have come meanwhile
    return False


def _ready_web(lab: KubernetesLab) -> int | None:
    """The pods of the deployment that are ready; None while the API does not answer."""
    done = lab.kubectl("get", "deployment", "web", "--output=jsonpath={.status.readyReplicas}")
    return int(done.stdout or 0) if done.returncode == 0 else None


def _ready_nodes(lab: KubernetesLab) -> set[str]:
    """The nodes that are Ready; none while the API does not answer."""
    return {name for name, node in lab.nodes().items() if node.is_ready}


def _keeps_budget(lab: KubernetesLab, away: set[str]) -> bool:
    """Whether two of three pods are ready, as far as nodes that are up are: an emulated kubelet may be too late."""
    ready = _ready_web(lab)
    return ready is None or ready >= 2 or len(ADDRESSES.keys() - _ready_nodes(lab) - away) > 0


def _wait_state(lab: KubernetesLab, wanted: str, version: str, timeout_s: float) -> dict[str, Any]:
    """The rollout in that state, with all machines on a version.

    Until then at most one machine is away, etcd writes, and the budget is kept.
    """
    rollout: dict[str, Any] = {}
    for _ in looks(timeout_s, 5):
        away = _away(lab)
        assert len(away) <= 1, f"down together: {away}"
        if away:
            assert _has_quorum(lab, ADDRESSES.keys() - away), f"etcd does not write without {away}"
        assert _keeps_budget(lab, away), f"fewer than two pods are ready, without {away}"
        rollout = _rollout(lab)
        if rollout["state"] == wanted and set(_versions(lab).values()) == {version}:
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


def _wait_whole(lab: KubernetesLab) -> None:
    """Wait until all nodes are Ready and uncordoned, and all pods of the deployment ready."""
    found = ""
    for _ in looks(_SETTLED_S, 5):
        found = lab.kubectl("get", "nodes", "--no-headers").stdout
        if len(found.splitlines()) == 3 and found.split().count("Ready") == 3 and _ready_web(lab) == 3:
            return
    raise AssertionError(f"not whole after {_SETTLED_S} s: {found}, {_ready_web(lab)} pods are ready")


def _turns_of_drains(lab: KubernetesLab) -> dict[str, list[Turn]]:
    """Drain each node in turn, as an operator does, and take it into use again; when that was."""
    turns = {}
    for name, address in ADDRESSES.items():
        _wait_whole(lab)
        begin = time.time()
        for words in (("drain", name, "--timeout", str(_DRAINED_S)), ("uncordon", name)):
            done = lab.kboot("node", *words, timeout_s=_DRAINED_S + 300)
            assert done.returncode == 0, done.stdout + done.stderr
        turns[address] = [(begin, time.time())]
    _wait_whole(lab)
    return turns


def _turns_of_rollout(lab: KubernetesLab) -> dict[str, list[Turn]]:
    """When each machine was drained, away and not yet uncordoned, by the events of the rollout."""
    macs = {node["mac"]: ADDRESSES[node["name"]] for node in lab.status()["nodes"]}
    told = [event for event in lab.events() if event["kind"] == "rollout" and event["mac"] in macs]
    turns: dict[str, list[Turn]] = {}
    begun: dict[str, float] = {}
    for event in told:
        address, at = macs[event["mac"]], datetime.fromisoformat(event["at"]).timestamp()
        if event["what"] == "draining":
            begun[address] = at
        elif event["what"] == "done" and address in begun:
            turns.setdefault(address, []).append((begun.pop(address), at))
    assert turns.keys() == set(ADDRESSES.values()), told
    return turns


def _wait_ready(lab: KubernetesLab, wanted: set[str]) -> None:
    """Wait until these nodes are Ready, and no others."""
    found: set[str] = set()
    for _ in looks(_SETTLED_S, 5):
        found = _ready_nodes(lab)
        if found == wanted:
            return
    raise AssertionError(f"Ready after {_SETTLED_S} s: {found}, not {wanted}")


def _wait_rebooting(lab: KubernetesLab) -> None:
    """Wait until the rollout has a machine reboot."""
    rollout: dict[str, Any] = {}
    for _ in looks(_ROLLED_S, 5):
        rollout = _rollout(lab)
        if "rebooting" in [machine["stage"] for machine in rollout.get("machines", ())]:
            return
    raise AssertionError(f"nobody reboots after {_ROLLED_S} s: {rollout}")


def test_the_api_answers_and_nodes_stay_ready_while_any_control_plane_is_off(lab: KubernetesLab) -> None:
    for name in ADDRESSES:
        _wait_ready(lab, set(ADDRESSES))
        lab.ssh(name, "sync")
        assert lab.kboot("lab", "power", name, "off").returncode == 0
        _wait_ready(lab, {*ADDRESSES} - {name})
        words = ("create", "configmap", f"while-{name}-is-off", "--from-literal=is=off")
        lab.wait_kubectl(*words, timeout_s=_SETTLED_S)
        assert lab.kboot("lab", "power", name, "on").returncode == 0
    _wait_ready(lab, set(ADDRESSES))
    listed = lab.wait_kubectl("get", "configmaps", "--output=name")
    assert all(f"configmap/while-{name}-is-off" in listed for name in ADDRESSES)


def test_all_machines_come_to_a_new_release_and_no_two_are_away_together(
    lab: KubernetesLab, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = ADDRESSES.values()
    with client_of(lab, addresses, PORT, lab.root / "plain.log"):
        drains = _turns_of_drains(lab)
    before = lab.wait_nodes({})
    assert set(_versions(lab).values()) == {OLD}
    with client_of(lab, addresses, PORT, lab.root / "rollout.log"):
        _begin(lab, NEW)
        _wait_rebooting(lab)
        lab.cut_power()
        _wait_state(lab, "idle", NEW, _ROLLED_S)
        _wait_whole(lab)
    turns = {"plain": drains, "rollout": _turns_of_rollout(lab)}
    asked = {name: asked_from((lab.root / f"{name}.log").read_text().splitlines()) for name in turns}
    plain, rolled = (loss_of(asked[name], turns[name]) for name in turns)
    with capsys.disabled():
        print(f"\na client of a Service: {plain} in plain drains of all nodes, {rolled} in a rollout over them")
        for name in turns:
            print(f"{name}: turns {turns[name]}; lost", *spans_of_loss(asked[name], turns[name]), sep="\n  ")
    assert min(plain.asked, rolled.asked) > 100
    assert rolled.is_no_more_than(plain), f"{rolled} in a rollout, {plain} in plain drains"
    lab.wait_nodes(before, _SETTLED_S)  # each of them booted once more
    booted = [[entry["at"] for entry in history(lab, name) if entry["step"] == "booted"] for name in ADDRESSES]
    assert [len(times) for times in booted] == [1, 1, 1]


def test_a_release_that_does_not_boot_halts_after_the_canary_which_is_back_by_itself(lab: KubernetesLab) -> None:
    before = lab.wait_nodes({})
    _begin(lab, BROKEN, "--broken")
    rollout = _wait_state(lab, "halted", NEW, _HALTED_S)
    canary = _wait_rolled_back(lab)
    assert canary in rollout["reason"]
    after = lab.wait_nodes({canary: before[canary]}, _SETTLED_S)
    assert {name for name in ADDRESSES if after[name].boot != before[name].boot} == {canary}
    assert "Kernel panic" in lab.kboot("lab", "console", canary).stdout
    _wait_whole(lab)  # it is uncordoned, too
