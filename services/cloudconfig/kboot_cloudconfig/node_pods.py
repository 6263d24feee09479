"""The pods of a node: which a drain moves, which would not come back, which the node needs to work. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kboot_clusterdesc.roll_order import NODE_CRITICAL

_MIRROR = "kubernetes.io/config.mirror"
_ENDED = ("Succeeded", "Failed")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Owner(_Part):
    kind: str
    controller: bool = False


class _Metadata(_Part):
    name: str
    namespace: str
    annotations: dict[str, str] = {}
    owners: tuple[_Owner, ...] = Field(default=(), alias="ownerReferences")
    ends: str | None = Field(default=None, alias="deletionTimestamp")


class _Condition(_Part):
    type: str
    status: str


class _Status(_Part):
    phase: str = ""
    conditions: tuple[_Condition, ...] | None = None


class _Spec(_Part):
    priority: str = Field(default="", alias="priorityClassName")


class _Pod(_Part):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _ListMetadata(_Part):
    more: str = Field(default="", alias="continue")


class _PodList(_Part):
    metadata: _ListMetadata = _ListMetadata()
    items: tuple[_Pod, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a node."""

    namespace: str
    name: str
    is_ending: bool
    comes_back: bool  # elsewhere, by its controller; one that has ended needs none

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def moved_pods(body: dict[str, Any]) -> tuple[list[Pod], str]:
    """Return the pods of a page of a node's pods that a drain moves, and the next page's token; raise ValueError.

    As `kubectl drain --ignore-daemonsets --delete-emptydir-data` does: a pod of a DaemonSet would come again at once,
    and one of the node's own manifests cannot be moved.
    """
    page = _PodList.model_validate(body)
    return [_pod(pod) for pod in page.items or () if not _stays(pod)], page.metadata.more


def awaited_pods(body: dict[str, Any]) -> tuple[list[Pod], str]:
    """Return the pods of a page without which the node does not work and that are not ready, and the next page's token.

    A node is Ready before kube-proxy runs on it, and answers for no Service until then. Raise ValueError.
    """
    page = _PodList.model_validate(body)
    awaited = [pod for pod in page.items or () if pod.spec.priority == NODE_CRITICAL and not _is_ready(pod)]
    return [_pod(pod) for pod in awaited], page.metadata.more


def in_words(pods: Sequence[Pod]) -> str:
    """Return the names of pods, for people."""
    return ", ".join(map(str, pods[:3])) + (f" and {len(pods) - 3} more" if len(pods) > 3 else "")


def _controller(pod: _Pod) -> str | None:
    return next((owner.kind for owner in pod.metadata.owners if owner.controller), None)


def _stays(pod: _Pod) -> bool:
    return _MIRROR in pod.metadata.annotations or _controller(pod) == "DaemonSet"


def _is_ready(pod: _Pod) -> bool:
    is_ready = any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ())
    return pod.status.phase in _ENDED or (is_ready and pod.metadata.ends is None)


def _pod(pod: _Pod) -> Pod:
    metadata = pod.metadata
    comes_back = pod.status.phase in _ENDED or _controller(pod) is not None
    return Pod(metadata.namespace, metadata.name, metadata.ends is not None, comes_back)
