"""Parts of the key `kubernetes`: the pod network, how the API server is reached, what is kept from pods."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

from pydantic import AfterValidator, Field
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

from .part import Part
from .types import Domain, Endpoint

# Of the forms that Kubernetes reads (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
_CPU = re.compile(r"[0-9]{1,6}m|[0-9]{1,3}(\.[0-9]{1,3})?")
_MEMORY = re.compile(r"[0-9]{1,15}|[0-9]{1,9}[KMG]i|[0-9]{1,9}[kMG]")


def _cpu(text: str) -> str:
    if not _CPU.fullmatch(text):
        raise ValueError(f"`{text}` is no number of CPUs: write 2, 0.5 or 500m, or 0 for nothing")
    return text


def _memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise ValueError(f"`{text}` is no amount of memory: write 256Mi or 1Gi, or 0 for nothing")
    return text


class Cni(Part):
    name: str = Field(default="flannel", pattern=r"^(flannel|routes|none)$")
    backend: str = Field(default="vxlan", pattern=r"^(vxlan|host-gw)$")
    interface: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,15}$")


class ApiServer(Part):
    endpoint: Endpoint | None = None
    names: tuple[Domain, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()


class Resources(Part):
    """CPUs and memory of a node that no pod is given."""

    cpu: Annotated[str, AfterValidator(_cpu)] = "100m"
    memory: Annotated[str, AfterValidator(_memory)] = "256Mi"


class Reserved(Part):
    """What each node keeps for the OS, kubelet and containerd, and a member of etcd for that besides."""

    system: Resources = Resources()
    etcd: Resources = Resources()
