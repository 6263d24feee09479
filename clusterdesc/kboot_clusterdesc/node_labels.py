"""The labels that Kubernetes lets a kubelet give its own node."""

from __future__ import annotations

# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
_KUBELET_MAY_SET = frozenset(
    [
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
    ]
)
_KUBELET_MAY_PREFIX = ("kubelet.kubernetes.io", "node.kubernetes.io")


def kubelet_may_set(key: str) -> bool:
    """Whether a kubelet may give its own node the label `key`; a control plane must set the others."""
    prefix = key.rpartition("/")[0]
    if key in _KUBELET_MAY_SET or any(prefix == p or prefix.endswith(f".{p}") for p in _KUBELET_MAY_PREFIX):
        return True
    return not any(prefix == p or prefix.endswith(f".{p}") for p in ("kubernetes.io", "k8s.io"))
