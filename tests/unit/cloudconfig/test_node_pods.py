"""Which pods of a node a drain moves, and which it needs."""

from __future__ import annotations

from typing import Any

import pytest

from kboot_cloudconfig.node_pods import awaited_pods, in_words, moved_pods


def _pod(name: str, owner: str | None = None, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "name": "it", "controller": True}] if owner else []
    whole = {"name": name, "namespace": "shop", "ownerReferences": owners, **metadata}
    return {"metadata": whole, "status": {"phase": phase}}


def _needed(ready: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    pod = _pod("proxy", "DaemonSet", phase, **metadata)
    pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready}]
    return pod | {"spec": {"priorityClassName": "system-node-critical"}}


def test_pods_of_daemon_sets_and_of_the_nodes_own_manifests_stay() -> None:
    items = [
        _pod("web", "ReplicaSet"),
        _pod("db", "StatefulSet", deletionTimestamp="2026-11-29T10:00:00Z"),
        _pod("proxy", "DaemonSet"),
        _pod("static", annotations={"kubernetes.io/config.mirror": "a hash"}),
    ]
    pods, more = moved_pods({"kind": "PodList", "metadata": {"continue": "next"}, "items": items})
    assert [(str(pod), pod.is_ending) for pod in pods] == [("shop/web", False), ("shop/db", True)]
    assert more == "next"


@pytest.mark.parametrize(
    ("pod", "comes_back"),
    [
        (_pod("alone"), False),
        (_pod("job", phase="Succeeded"), True),
        (_pod("failed", phase="Failed"), True),
        (_pod("owned", "Job"), True),
        (_pod("child") | {"metadata": _pod("child")["metadata"] | {"ownerReferences": [{"kind": "Node"}]}}, False),
    ],
)
def test_a_pod_without_a_controller_comes_back_nowhere_unless_it_has_ended(
    pod: dict[str, Any], comes_back: bool
) -> None:
    ((found,), _) = moved_pods({"items": [pod]})
    assert found.comes_back is comes_back


def test_an_answer_of_another_kind_is_refused_and_an_empty_list_is_none() -> None:
    assert moved_pods({"items": None}) == ([], "")
    with pytest.raises(ValueError, match="metadata"):
        moved_pods({"items": [{"kind": "Pod"}]})


@pytest.mark.parametrize(
    ("pod", "is_awaited"),
    [
        (_needed("False"), True),
        (_needed("Unknown"), True),
        (_needed("True"), False),
        (_needed("True", deletionTimestamp="2026-11-29T10:00:00Z"), True),
        (_needed("False", phase="Succeeded"), False),
        (_needed("False") | {"status": {"phase": "Pending", "conditions": None}}, True),
        (_needed("False") | {"spec": {"priorityClassName": "system-cluster-critical"}}, False),
        (_needed("False") | {"spec": {}}, False),
        ({"metadata": _needed("False")["metadata"]}, False),
    ],
)
def test_a_node_waits_for_the_pods_without_which_it_does_not_work_alone(pod: dict[str, Any], is_awaited: bool) -> None:
    pods, more = awaited_pods({"metadata": {"continue": "next"}, "items": [pod]})
    assert ([str(each) for each in pods], more) == (["shop/proxy"] if is_awaited else [], "next")


def test_many_pods_are_named_by_the_first_three() -> None:
    pods, _ = moved_pods({"items": [_pod(f"p{i}", "ReplicaSet") for i in range(5)]})
    assert in_words(pods) == "shop/p0, shop/p1, shop/p2 and 2 more"
