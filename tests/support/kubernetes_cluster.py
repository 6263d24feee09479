"""An API server that keeps state, over TLS on loopback: nodes, their pods, and budgets that hold evictions."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.kubernetes_api import Answer, api_node, node_list

MARK = "kboot.io/upgrade"


@dataclass
class StandInCluster:
    """What the API servers of a cluster have in common; tests change it, and read what was done to it."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)  # pod -> why its budget lets it not go
    starting: set[str] = field(default_factory=set)  # pods that are not ready yet
    evicted: list[str] = field(default_factory=list)
    cordons: list[str] = field(default_factory=list)  # `+node` and `-node`, in order
    versions: int = 1

    def __post_init__(self) -> None:
        self._lock = threading.RLock()

    def add_node(self, name: str, boot: str) -> None:
        """A node that is Ready, with a pod of a Deployment, two of DaemonSets and a static one."""
        self.nodes[name] = api_node(name)
        self.ready(name, "True", boot)
        self.add_pod(name, f"web-{name}", owner="ReplicaSet")
        self.add_pod(name, f"proxy-{name}", "system-node-critical", owner="DaemonSet")
        self.add_pod(name, f"agent-{name}", owner="DaemonSet")
        self.add_pod(name, f"static-{name}", "system-node-critical", annotations={"kubernetes.io/config.mirror": "1"})

    def add_pod(self, node: str, name: str, priority: str = "", *, owner: str | None = None, **metadata: Any) -> None:
        """A pod that runs on the node."""
        owners = [{"kind": owner, "name": "owner", "controller": True}] if owner else []
        whole = {"name": name, "namespace": "default", "uid": name, "ownerReferences": owners, **metadata}
        spec = {"nodeName": node, "priorityClassName": priority}
        self.pods["default", name] = {"metadata": whole, "spec": spec, "status": {"phase": "Running"}}

    def ready(self, name: str, status: str, boot: str | None = None) -> None:
        """Have the node be Ready or not, and its kubelet tell of a boot."""
        with self._lock:
            before = self.nodes[name]
            fresh = api_node(name, ready=status)
            fresh["metadata"]["annotations"] = before["metadata"].get("annotations", {})
            fresh["spec"]["unschedulable"] = before["spec"].get("unschedulable", False)
            known = before["status"]["nodeInfo"].get("bootID", "")
            fresh["status"]["nodeInfo"]["bootID"] = boot or known
            self.nodes[name] = fresh

    def is_cordoned(self, name: str) -> bool:
        """Whether pods are kept from the node."""
        return bool(self.nodes[name]["spec"].get("unschedulable"))

    def mark(self, name: str) -> str | None:
        """The mark that the node bears."""
        found: str | None = self.nodes[name]["metadata"].get("annotations", {}).get(MARK)
        return found

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """What an API server answers."""
        with self._lock:
            url = urlsplit(path)
            parts, query = url.path.strip("/").split("/"), parse_qs(url.query)
            said = json.loads(body) if body else {}
            match method, parts:
                case "GET", ["api", "v1", "nodes"]:
                    return _found(node_list([self._shown(name) for name in self.nodes]))
                case "GET", ["api", "v1", "nodes", name] if name in self.nodes:
                    return _found(self._shown(name))
                case "PATCH", ["api", "v1", "nodes", name] if name in self.nodes:
                    return self._patch(name, said)
                case "GET", ["api", "v1", "pods"]:
                    node = query["fieldSelector"][0].removeprefix("spec.nodeName=")
                    found = [self._told(pod) for pod in self.pods.values() if pod["spec"]["nodeName"] == node]
                    return _found({"kind": "PodList", "metadata": {}, "items": found})
                case "POST", ["api", "v1", "namespaces", namespace, "pods", name, "eviction"]:
                    return self._evict(namespace, name)
                case _:
                    return _fault(404, f"the server could not find {method} {path}")

    def _shown(self, name: str) -> dict[str, Any]:
        node = self.nodes[name]
        return {**node, "metadata": {**node["metadata"], "resourceVersion": str(self.versions)}}

    def _told(self, pod: dict[str, Any]) -> dict[str, Any]:
        status = "False" if pod["metadata"]["name"] in self.starting else "True"
        return {**pod, "status": {**pod["status"], "conditions": [{"type": "Ready", "status": status}]}}

    def _patch(self, name: str, change: dict[str, Any]) -> Answer:
        if change["metadata"].get("resourceVersion") != str(self.versions):
            return _fault(409, "the object has been modified")
        self.versions += 1
        node = self.nodes[name]
        annotations = node["metadata"].setdefault("annotations", {})
        for key, value in change["metadata"].get("annotations", {}).items():
            annotations[key] = value
            if value is None:
                del annotations[key]
        if "unschedulable" in change.get("spec", {}):
            node["spec"]["unschedulable"] = bool(change["spec"]["unschedulable"])
            self.cordons.append(f"{'+' if node['spec']['unschedulable'] else '-'}{name}")
        return _found(self._shown(name))

    def _evict(self, namespace: str, name: str) -> Answer:
        if (namespace, name) not in self.pods:
            return _fault(404, f'pods "{name}" not found')
        if name in self.held:
            return _fault(429, self.held[name])
        node = self.pods.pop((namespace, name))["spec"]["nodeName"]
        self.evicted.append(name)
        others = [each for each in self.nodes if each != node and not self.is_cordoned(each)]
        if others:
            self.add_pod(others[0], name, owner="ReplicaSet")
        return 201, b'{"kind": "Status", "status": "Success"}'


def _found(body: dict[str, Any]) -> Answer:
    return 200, json.dumps(body).encode()


def _fault(status: int, message: str) -> Answer:
    return status, json.dumps({"kind": "Status", "status": "Failure", "message": message, "code": status}).encode()
