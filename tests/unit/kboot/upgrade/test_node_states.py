"""What is made of the answers of the cloud-config server and the API."""

from __future__ import annotations

from typing import Any

from kboot.running.cluster_health import Health, PartHealth
from kboot.upgrade.node_states import awaited_pods, kubelet_version, node_states
from kboot.upgrade.plan import NodeState, plan_upgrade
from kboot_clusterdesc import Role
from kboot_clusterdesc.roll_order import ROLL_MARK
from support.fleets import Fleet


def node(name: str, *, ready: str = "True", version: str = "v1.35.4", mark: str | None = None) -> dict[str, Any]:
    """As `kubectl get node` has it."""
    annotations = {} if mark is None else {"annotations": {ROLL_MARK: mark}}
    return {
        "metadata": {"name": name, **annotations},
        "spec": {},
        "status": {
            "conditions": [{"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": ready}],
            "nodeInfo": {"kubeletVersion": version},
        },
    }


def test_a_node_is_what_machine_and_api_and_health_say_together() -> None:
    desc = Fleet(control_planes=2).desc
    first, second, worker, spare = desc.nodes
    phases: list[dict[str, str]] = [{"installed": "…", "ready": "…"}, {"ready": "…"}, {"running": "…"}, {"leased": "…"}]
    machines = [
        {"mac": str(each.mac), "phases": phase, "config": config}
        for each, phase, config in zip(desc.nodes, phases, ("current", "outdated", "outdated", "current"), strict=True)
    ]
    nodes = [
        node(first.name, version="v1.36.2+lab", mark="cordoned"),
        node(second.name, ready="Unknown"),
        node("another"),
    ]
    health = Health(
        (PartHealth(first.name, False, "does not answer"),),
        (PartHealth(first.name, True), PartHealth(second.name, None, "is not ready: etcd")),
    )
    assert node_states(desc, machines, nodes, health) == [
        NodeState("cp0", first.roles, True, "v1.36.2", True, True, True, "its etcd member does not answer"),
        NodeState("cp1", second.roles, True, "v1.35.4", False, False, False, "its API server is not ready: etcd"),
        NodeState(worker.name, (Role.WORKER,), True),
        NodeState(spare.name, (Role.WORKER,), False, is_current=True),
    ]


def test_what_the_server_takes_for_current_without_a_word_of_the_machine_is_not_done() -> None:
    desc = Fleet(control_planes=1).desc
    told = [{"config_told": False}, {"config_told": True}, {}]  # an older server does not say
    machines = [
        {"mac": str(each.mac), "phases": {"ready": "…"}, "config": "current", **more}
        for each, more in zip(desc.nodes, told, strict=True)
    ]
    states = node_states(desc, machines, [node(each.name, version="v1.36.2") for each in desc.nodes], Health())
    assert [state.is_current for state in states] == [False, True, True]
    assert [work.name for batch in plan_upgrade("v1.36.2", states, 1).batches for work in batch] == [desc.nodes[0].name]


def test_a_machine_that_stands_in_the_api_under_a_name_which_nobody_declares_is_found_by_its_address() -> None:
    desc = Fleet(control_planes=1).desc
    machines: list[dict[str, Any]] = [
        {"mac": str(each.mac), "phases": {"ready": "…"}, "config": "outdated", "ip": f"10.0.0.{number}"}
        for number, each in enumerate(desc.nodes)
    ]
    machines[-1]["ip"] = None
    names = [desc.nodes[0].name, "old1", *(each.name for each in desc.nodes[2:-1]), "old2"]
    nodes = [node(name) for name in names]
    for number, each in enumerate(nodes):
        at = [("Hostname", names[number]), ("InternalIP", f"10.0.0.{number}")]
        each["status"]["addresses"] = [{"type": kind, "address": said} for kind, said in at]
    states = node_states(desc, machines, nodes, Health())
    assert [state.former_name for state in states] == [None, "old1", *([None] * (len(states) - 2))]
    blocked = plan_upgrade("v1.36.2", states, 1).blocked
    renamed, lost = desc.nodes[1].name, desc.nodes[-1].name
    assert blocked == (
        f"{renamed}: the API server has no node of this name, its machine is `old1` there: `kubectl drain old1 "
        "--ignore-daemonsets --delete-emptydir-data` and `kubectl delete node old1`, then `kboot node reinstall "
        f"{renamed}` and power-cycle it",
        f"{lost}: the API server has no node of this name; one that was given another name: docs/operate.md: "
        "Another name",
    )


def test_a_node_that_never_reported_has_no_version() -> None:
    assert kubelet_version({"status": {}}) == "unknown"


def pod(name: str, *, ready: str = "False", priority: str = "system-node-critical", phase: str = "Running") -> Any:
    """As `kubectl get pods` has it."""
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}
    return {
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"priorityClassName": priority},
        "status": status,
    }


def test_a_node_that_was_away_waits_for_the_pods_without_which_it_does_not_work() -> None:
    pods = [
        pod("proxy"),
        pod("network", ready="True"),
        pod("coredns", priority="system-cluster-critical"),
        pod("ended", phase="Succeeded"),
        {**pod("web"), "spec": {}},
        {**pod("new"), "status": {"phase": "Pending"}},
    ]
    assert awaited_pods(pods) == ["kube-system/proxy", "kube-system/new"]
