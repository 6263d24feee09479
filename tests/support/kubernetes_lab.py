"""A lab with real Kubernetes, asked by kubectl as its administrator."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import pytest

import kboot_clusterdesc
from kboot.host.cache import cache_folder
from kboot.host.waiting import looks
from kboot.service_images.sources import sources
from kboot_lab.kubernetes import kubernetes_folder, version_in
from support.lab import Lab

_ANSWER_S = 120  # kubectl takes 8 to 40 s against an emulated API server
_UNITS = "systemctl --failed --no-legend; sudo journalctl --no-pager --lines=30 --output=cat --unit=kubelet"
_NOISE = re.compile(r"\x1b(\[[0-9;]*[A-Za-z]|M)|\r|.* Job .* running \(.*")  # of a console while a machine starts


def version_at_hand() -> str:
    """The version of the Kubernetes that was built here; without one the test that wants it fails."""
    binaries = kubernetes_folder(cache_folder(), sources())
    if binaries is None:
        pytest.fail("the binaries of Kubernetes are not in the cache: `make kubernetes` builds them", pytrace=False)
    return version_in(binaries)


@dataclass(frozen=True, slots=True)
class KubeNode:
    """A node as the API server shows it."""

    name: str
    uid: str
    boot: str
    version: str
    address: IPv4Address
    block: str  # where its pods get their addresses
    is_ready: bool


@dataclass(frozen=True, slots=True)
class KubePod:
    """A pod of one container as the API server shows it."""

    name: str
    uid: str
    node: str
    address: str
    container: str
    is_ready: bool


class KubernetesLab(Lab):
    """One cluster with its machines and its API."""

    def kubectl(self, *arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """One command, whatever its exit status; one that does not end counts as failed."""
        command = ("lab", "kubectl", "--", *arguments)
        try:
            return self.kboot(*command, timeout_s=timeout_s)
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(command, 124, "", str(error))

    def wait_kubectl(self, *arguments: str, timeout_s: float = 600) -> str:
        """What kubectl prints, once it succeeds."""
        done = None
        for _ in looks(timeout_s, 5):
            done = self.kubectl(*arguments)
            if done.returncode == 0:
                return done.stdout.strip()
        raise AssertionError(f"kubectl {' '.join(arguments)} in vain for {timeout_s:.0f} s: {done}")

    def nodes(self) -> dict[str, KubeNode]:
        """The nodes by name; none while the API does not answer."""
        return {item["metadata"]["name"]: _node(item) for item in self._items("nodes")}

    def pods(self, app: str) -> dict[str, KubePod]:
        """The pods with that label by the node that they are on; none while the API does not answer."""
        return {item["spec"].get("nodeName", ""): _pod(item) for item in self._items("pods", f"--selector=app={app}")}

    def wait_nodes(self, before: Mapping[str, KubeNode], timeout_s: float = 2700) -> dict[str, KubeNode]:
        """The nodes, once all are Ready and those of `before` in another boot than there."""
        found: dict[str, KubeNode] = {}
        old = {node.boot for node in before.values()}
        for _ in looks(timeout_s, 5):
            found = self.nodes()
            settled = {name for name, node in found.items() if node.is_ready and node.boot not in old}
            if settled and settled == {*found, *before}:
                return found
        raise AssertionError(f"not Ready after {timeout_s:.0f} s: {found}, before: {before}")

    def wait_pods(
        self, app: str, before: Mapping[str, KubePod], on: Collection[str], timeout_s: float = 1500
    ) -> dict[str, KubePod]:
        """The pods of that label, once one is ready on each of these nodes, in another container than in `before`."""
        found: dict[str, KubePod] = {}
        old = {pod.container for pod in before.values()}
        for _ in looks(timeout_s, 5):
            found = self.pods(app)
            if {node for node, pod in found.items() if pod.is_ready and pod.container not in old} == set(on):
                return found
        raise AssertionError(f"not ready after {timeout_s:.0f} s: {found}, before: {before}")

    def account(self) -> str:
        """What there is to read when a test failed: the state, what is not ready, what each machine says."""
        parts = [self._said("status"), self._said("lab", "kubectl", "--", "get", "nodes,pods", "-A", "-o", "wide")]
        for kind in ("nodes", "pods"):
            for item in self._items(kind, "--all-namespaces"):
                if not _is_ready(item):
                    where = item["metadata"].get("namespace", "default")
                    words = ("describe", f"--namespace={where}", kind, item["metadata"]["name"])
                    parts.append(self._said("lab", "kubectl", "--", *words))
        for node in kboot_clusterdesc.load(self.path).nodes:
            parts += [self._said("lab", "ssh", node.name, "--", _UNITS), self._said("lab", "console", node.name)]
        return "\n\n".join(parts)

    def _items(self, *words: str) -> list[dict[str, Any]]:
        done = self.kubectl("get", *words, "--output=json", f"--request-timeout={_ANSWER_S}s")
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return items

    def _said(self, *arguments: str) -> str:
        try:
            done = self.kboot(*arguments, timeout_s=_ANSWER_S)
        except subprocess.TimeoutExpired as error:
            return str(error)
        return f"$ kboot {' '.join(arguments)}\n{_NOISE.sub('', done.stdout + done.stderr)[-8000:]}"


def _is_ready(item: dict[str, Any]) -> bool:
    conditions = item["status"].get("conditions", ())
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def _node(item: dict[str, Any]) -> KubeNode:
    addresses = {each["type"]: each["address"] for each in item["status"]["addresses"]}
    return KubeNode(
        name=item["metadata"]["name"],
        uid=item["metadata"]["uid"],
        boot=item["status"]["nodeInfo"]["bootID"],
        version=item["status"]["nodeInfo"]["kubeletVersion"],
        address=IPv4Address(addresses["InternalIP"]),
        block=item["spec"].get("podCIDR", ""),
        is_ready=_is_ready(item),
    )


def _pod(item: dict[str, Any]) -> KubePod:
    containers = item["status"].get("containerStatuses") or [{}]
    return KubePod(
        name=item["metadata"]["name"],
        uid=item["metadata"]["uid"],
        node=item["spec"].get("nodeName", ""),
        address=item["status"].get("podIP", ""),
        container=containers[0].get("containerID", ""),
        is_ready=_is_ready(item),
    )
