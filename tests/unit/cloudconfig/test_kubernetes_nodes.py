"""What is read in the API server's answer, and what it does to a machine."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.kubernetes_nodes import REASON_LENGTH, KubernetesNode, moved, parse_page
from kboot_clusterdesc import Mac, Phase
from support.kubernetes_api import api_node, node_list

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = life.booted_from_disk(life.declared(Mac("52:54:00:00:00:01"), NOW), None, None, NOW)
READY = life.became_ready(RUNNING, NOW)


def parsed(*nodes: dict[str, Any]) -> dict[str, KubernetesNode]:
    return parse_page(json.dumps(node_list(list(nodes))).encode())[0]


def test_a_ready_node_is_known_with_the_version_of_its_kubelet() -> None:
    assert parsed(api_node("node1")) == {"node1": KubernetesNode(True, "v1.36.2", None)}


def test_a_cordoned_node_is_known_as_one() -> None:
    node = api_node("node1")
    node["spec"] = {"unschedulable": True}
    assert parsed(node)["node1"].is_cordoned


def test_a_node_that_is_not_ready_says_why() -> None:
    nodes = parsed(api_node("a", ready="False"), api_node("b", ready="Unknown"))
    assert nodes["a"].reason == "KubeletNotReady: container runtime network not ready"
    assert not nodes["a"].is_ready
    assert nodes["b"].reason == "NodeStatusUnknown: Kubelet stopped posting node status."


def test_a_node_that_a_kubelet_has_not_filled_in_yet_is_not_ready() -> None:
    assert parsed({"metadata": {"name": "new"}, "spec": {}, "status": {}}) == {
        "new": KubernetesNode(False, None, "its kubelet has not reported yet")
    }


def test_a_long_reason_is_cut() -> None:
    node = api_node("a", ready="False")
    node["status"]["conditions"][-1]["message"] = "x" * 10_000
    assert len(parsed(node)["a"].reason or "") == REASON_LENGTH


def test_the_mark_to_ask_on_with_is_that_of_the_list() -> None:
    assert parse_page(json.dumps(node_list([], more="page 2")).encode()) == ({}, "page 2")
    assert parse_page(b'{"kind": "NodeList", "metadata": {}, "items": null}') == ({}, "")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'{"kind": "NodeList"}', b'{"kind": "PodList", "items": []}'),
        *(b'{"kind": "NodeList", "items": [{}]}', b'{"kind": "NodeList", "items": [{"metadata": {"name": "A\\n"}}]}'),
        b"[" * 100_000,
    ],
)
def test_any_other_answer_is_no_list_of_nodes(body: bytes) -> None:
    with pytest.raises(ValueError, match="_NodeList"):
        parse_page(body)


def test_a_machine_moves_with_the_node_of_its_name() -> None:
    good, bad = KubernetesNode(True, None, None), KubernetesNode(False, None, "KubeletNotReady")
    assert moved(RUNNING, "node1", {"node1": good}, NOW).phase is Phase.READY
    assert moved(RUNNING, "node1", {"node1": bad, "node2": good}, NOW) == RUNNING
    lost = moved(READY, "node1", {"node1": bad}, NOW)
    assert (lost.phase, lost.reason) == (Phase.RUNNING, "KubeletNotReady")
    gone = moved(READY, "node1", {"node2": good}, NOW)
    assert (gone.phase, gone.reason) == (Phase.RUNNING, "the API server has no node of this name")


def test_a_machine_that_installs_itself_is_left_alone_by_the_node_it_was() -> None:
    installing = life.fetched_installer(life.arm(READY, NOW), "hash", NOW)
    assert moved(installing, "node1", {"node1": KubernetesNode(True, None, None)}, NOW) == installing
    assert moved(installing, "node1", {}, NOW) == installing
