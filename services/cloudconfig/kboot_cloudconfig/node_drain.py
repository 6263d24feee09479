"""Drains a node through the API server, as `kubectl drain` does, and takes back what it did to the node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from kboot_clusterdesc.roll_order import ROLL_BEGUN, ROLL_CORDONED, ROLL_MARK

from .kubernetes_api import ApiFault
from .kubernetes_calls import ApiCalls
from .node_pods import Pod, awaited_pods, in_words, moved_pods

_PAGE_PODS = "500"
_LOOKS_BACK = 2  # one alone may find what was told of pods before the node went down


class Undrainable(Exception):
    """A node has pods that may not be moved, whatever is waited for."""


async def drain(api: ApiCalls, name: str, every_s: float, note: Callable[[str], None]) -> None:
    """Mark and cordon the node `name`, and evict its pods until none is left that is to move; tell what is waited for.

    An eviction that a PodDisruptionBudget refuses is asked for again, for ever: who calls has the patience. Raise
    Undrainable.
    """
    while True:
        try:
            await _cordon(api, name)
            pods = await _pods(api, name, moved_pods)
            if lone := [pod for pod in pods if not pod.comes_back]:
                raise Undrainable(f"{in_words(lone)} would not come back elsewhere: `kubectl delete pod`")
            if not pods:
                return
            note(await _evict(api, pods) or f"waits for {in_words(pods)} to end")
        except ApiFault as fault:
            note(str(fault))
        await asyncio.sleep(every_s)


async def take_back(api: ApiCalls, name: str, every_s: float, note: Callable[[str], None]) -> None:
    """Uncordon a node that was away, once the pods without which it does not work are ready; tell what is waited for.

    It waits for ever: who calls has the patience. Raise ApiFault.
    """
    well = 0
    while True:
        if pods := await _pods(api, name, awaited_pods):
            note(f"waits for {in_words(pods)} to be ready")
        well = 0 if pods else well + 1
        if well == _LOOKS_BACK:
            return await uncordon(api, name, every_s)
        await asyncio.sleep(every_s)


async def uncordon(api: ApiCalls, name: str, every_s: float) -> None:
    """Let pods come back to the node if its mark says that we cordoned it, and drop the mark; raise ApiFault."""
    node = await _node(api, name)
    if _mark(node) is None:  # the last word of a drain that was ended may be on its way yet
        await asyncio.sleep(every_s)
        node = await _node(api, name)
    mark = _mark(node)
    if mark is None:
        return
    change: dict[str, Any] = {"metadata": {"annotations": {ROLL_MARK: None}}}
    if mark == ROLL_CORDONED:
        change["spec"] = {"unschedulable": None}
    await _change(api, node, change)


async def _cordon(api: ApiCalls, name: str) -> None:
    node = await _node(api, name)
    is_cordoned = bool(node.get("spec", {}).get("unschedulable"))
    change: dict[str, Any] = {}
    if _mark(node) is None:
        change["metadata"] = {"annotations": {ROLL_MARK: ROLL_BEGUN if is_cordoned else ROLL_CORDONED}}
    if not is_cordoned:
        change["spec"] = {"unschedulable": True}
    if change:
        await _change(api, node, change)


async def _node(api: ApiCalls, name: str) -> dict[str, Any]:
    answer = await api.get(f"/api/v1/nodes/{quote(name)}")
    if answer.status != 200:
        raise ApiFault(f"the node {name}: {answer.message}")
    return answer.body


async def _change(api: ApiCalls, node: dict[str, Any], change: dict[str, Any]) -> None:
    """Change a node as it was read: who changed it meanwhile is not undone."""
    metadata = node["metadata"]
    versioned = {"metadata": {"resourceVersion": metadata.get("resourceVersion"), **change.get("metadata", {})}}
    answer = await api.patch(f"/api/v1/nodes/{quote(metadata['name'])}", {**change, **versioned})
    if answer.status != 200:
        raise ApiFault(f"the node {metadata['name']} cannot be changed: {answer.message}")


def _mark(node: dict[str, Any]) -> str | None:
    mark: str | None = (node.get("metadata", {}).get("annotations") or {}).get(ROLL_MARK)
    return mark


async def _pods(api: ApiCalls, name: str, chosen: Callable[[dict[str, Any]], tuple[list[Pod], str]]) -> list[Pod]:
    """Return the pods of the node that are `chosen` of each page of them."""
    found: list[Pod] = []
    more = ""
    while True:
        query = {"fieldSelector": f"spec.nodeName={name}", "limit": _PAGE_PODS} | ({"continue": more} if more else {})
        answer = await api.get("/api/v1/pods", **query)
        if answer.status != 200:
            raise ApiFault(f"the pods of {name}: {answer.message}")
        try:
            page, more = chosen(answer.body)
        except ValueError as error:
            raise ApiFault("answers with something else than a list of pods") from error
        found += page
        if not more:
            return found


async def _evict(api: ApiCalls, pods: list[Pod]) -> str:
    """Ask for the eviction of each pod that does not end yet; return why some may not go now."""
    held = []
    for pod in pods:
        if pod.is_ending:
            continue
        namespace, name = quote(pod.namespace), quote(pod.name)
        wanted = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
        }
        answer = await api.post(f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", wanted)
        if answer.status not in (200, 201, 404):  # 429: its budget lets it not go now
            held.append(f"{pod}: {answer.message}")
    return "; ".join(held[:3])
