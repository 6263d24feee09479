"""The state of each node, made of what the cloud-config server and the API answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.roll_order import NODE_CRITICAL, ROLL_MARK

from ..running.cloudconfig_client import JsonObject
from ..running.cluster_health import Health
from .moves import runs_config_in_force
from .plan import NodeState


def node_states(
    desc: ClusterDesc, machines: Sequence[JsonObject], nodes: Sequence[JsonObject], health: Health
) -> list[NodeState]:
    """Return the state of each declared node, in the order of the description.

    `machines` are as the cloud-config server answers, `nodes` as the Kubernetes API does.
    """
    by_mac = {machine["mac"]: machine for machine in machines}
    by_name = {node["metadata"]["name"]: node for node in nodes}
    unwell = {part.name: f"its etcd member {part.reason}" for part in health.etcd if not part.is_well}
    unwell |= {part.name: f"its API server {part.reason}" for part in health.control_plane if not part.is_well}
    states = [_state(each, by_mac[each.mac], by_name.get(each.name), unwell.get(each.name)) for each in desc.nodes]
    declared = {each.name for each in desc.nodes}
    others = [(name, node) for name, node in by_name.items() if name not in declared]
    former: dict[str | None, str] = {ip: name for name, node in others for ip in _addresses(node)}
    return [
        state if state.name in by_name else replace(state, former_name=former.get(by_mac[each.mac].get("ip")))
        for each, state in zip(desc.nodes, states, strict=True)
    ]


def _addresses(node: JsonObject) -> list[str]:
    told: list[JsonObject] = node["status"].get("addresses") or []
    return [each["address"] for each in told if each["type"] == "InternalIP"]


def _state(declared: Node, machine: JsonObject, node: JsonObject | None, unwell: str | None) -> NodeState:
    is_installed = node is not None or bool({"installed", "running", "ready"} & set(machine["phases"]))
    is_current = runs_config_in_force(machine)
    if node is None:
        return NodeState(
            declared.name, declared.roles, is_installed, is_current=is_current, unwell=unwell, os=machine.get("version")
        )
    return NodeState(
        declared.name,
        declared.roles,
        is_installed,
        kubelet_version(node),
        is_ready(node),
        is_current,
        mark_of(node) is not None,
        unwell,
        machine.get("version"),
    )


def kubelet_version(node: JsonObject) -> str:
    """Return the version that a node's kubelet reports, such as `v1.36.2`; `unknown` where it reports none."""
    version: str = node["status"].get("nodeInfo", {}).get("kubeletVersion", "")
    return version.partition("+")[0] or "unknown"


def is_ready(thing: JsonObject) -> bool:
    """Return whether a node or a pod is Ready."""
    conditions: list[dict[str, Any]] = thing["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def awaited_pods(pods: Sequence[JsonObject]) -> list[str]:
    """Return the pods of a node without which it does not work and that are not ready: it is Ready before they are."""
    needed = [pod for pod in pods if pod["spec"].get("priorityClassName") == NODE_CRITICAL]
    awaited = [pod for pod in needed if not is_ready(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed")]
    return [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in awaited]


def mark_of(node: JsonObject) -> str | None:
    """Return the mark that a node bears which is taken down, or was; None where it bears none."""
    annotations: Mapping[str, str] = node["metadata"].get("annotations") or {}
    return annotations.get(ROLL_MARK)
