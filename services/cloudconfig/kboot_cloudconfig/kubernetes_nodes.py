"""Reads what the API server says of its nodes, and moves a machine's state by it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kboot_clusterdesc import Phase
from kboot_clusterdesc.roll_order import ROLL_MARK

from . import machine as life
from .api import ApiState
from .machine import Machine

REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class KubernetesNode:
    """A node as the API server describes it."""

    is_ready: bool
    version: str | None  # of its kubelet
    reason: str | None  # why it is not ready
    is_cordoned: bool = False
    is_marked: bool = False  # by who took it down: a rollout or `kboot upgrade`
    boot: str | None = None  # the boot of which its kubelet told last, by its id


@dataclass(frozen=True, slots=True)
class KubernetesView:
    """What was last heard from the API server; it has nodes only while the API server answers."""

    state: ApiState = ApiState.NONE
    reason: str | None = None  # why the API server is waited for
    nodes: Mapping[str, KubernetesNode] = field(default_factory=dict)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a node has far more keys than are read here


class _Metadata(_Part):
    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)
    annotations: dict[str, str] = {}


class _Condition(_Part):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class _NodeInfo(_Part):
    version: str = Field(default="", alias="kubeletVersion")
    boot: str = Field(default="", alias="bootID")


class _Status(_Part):
    conditions: tuple[_Condition, ...] = ()
    node_info: _NodeInfo = Field(default=_NodeInfo(), alias="nodeInfo")


class _Spec(_Part):
    unschedulable: bool = False


class _Node(_Part):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _ListMetadata(_Part):
    more: str = Field(default="", alias="continue")


class _NodeList(_Part):
    kind: Literal["NodeList"]
    metadata: _ListMetadata = _ListMetadata()
    items: Annotated[tuple[_Node, ...], BeforeValidator(lambda items: () if items is None else items)]


def parse_page(body: bytes) -> tuple[dict[str, KubernetesNode], str]:
    """Return the nodes of a page of `/api/v1/nodes`, and the next page's token; raise ValueError for another answer."""
    page = _NodeList.model_validate_json(body)
    return {node.metadata.name: _seen(node) for node in page.items}, page.metadata.more


def moved(machine: Machine, name: str, nodes: Mapping[str, KubernetesNode], now: datetime) -> Machine:
    """Return the machine's state after the API server listed its `nodes`; the machine's node is called `name`."""
    node = nodes.get(name)
    if node is None:
        return life.became_unready(machine, "the API server has no node of this name", now)
    if node.is_ready:
        return life.became_ready(machine, now)
    return life.became_unready(machine, node.reason or "its node is not Ready", now)


def ready_in_doubt(phase: Phase, view: KubernetesView) -> str | None:
    """Return what is to be said of a machine that counts as ready while no API server tells so; None otherwise."""
    if phase is not Phase.READY or view.state is ApiState.ANSWERS:
        return None
    return f"ready when it was last heard of: {view.reason or 'no API server was asked yet'}"[:REASON_LENGTH]


def _seen(node: _Node) -> KubernetesNode:
    version = node.status.node_info.version or None
    reason = _why_not_ready(node.status)
    is_marked = ROLL_MARK in node.metadata.annotations
    boot = node.status.node_info.boot or None
    return KubernetesNode(reason is None, version, reason, node.spec.unschedulable, is_marked, boot)


def _why_not_ready(status: _Status) -> str | None:
    ready = next((each for each in status.conditions if each.type == "Ready"), None)
    if ready is None:
        return "its kubelet has not reported yet"
    if ready.status == "True":
        return None
    reason = ": ".join(part for part in (ready.reason, ready.message) if part) or f"Ready is {ready.status}"
    return reason[:REASON_LENGTH]
