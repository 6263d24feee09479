"""Rules for the registry: a name that leads to it from each machine, and a port that no other service of ours has."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .at import problem_at

_OTHERS = {53: "DNS", 80: "HTTP, which machines boot by,", 443: "HTTPS, by which machines get their configs,"}


def check_registry(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for a name of the registry that is somebody else's, and for a port that is taken."""
    name, domain = desc.registry.domain, desc.cluster.domain
    if whose := _owners(desc).get(name.removesuffix(f".{domain}")):
        yield problem_at(
            tree,
            ("registry", "domain"),
            f"`{name}` is {whose}, and the registry is the bootstrapper",
            "leave it out for `bootstrapper`, or take another name",
            given=("cluster.domain", "nodes", "kubernetes.api_server.endpoint"),
        )
    if what := _OTHERS.get(desc.registry.port):
        yield problem_at(
            tree,
            ("registry", "port"),
            f"{what} has port {desc.registry.port} on the bootstrapper",
            "leave it out for 5000, or take another port",
        )


def _owners(desc: ClusterDesc) -> dict[str, str]:
    """Return the names in the cluster's domain that are not the bootstrapper's, and whose they are."""
    # A node of the registry's own name is judged where the node is.
    owners = {node.name: f"the machine {node.name}" for node in desc.nodes if node.name != desc.registry.domain}
    if desc.kubernetes is not None and desc.kubernetes.api_server.endpoint is None:
        owners["api"] = "the name of the API server"
    return owners | {"localhost": "each machine itself"}
