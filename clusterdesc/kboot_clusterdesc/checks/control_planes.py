"""Rules for how the API server is reached: at the control planes' own addresses, or at a port where one listens."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import API_PORT, ClusterDesc, DhcpMode, Role
from ..problem import Problem
from ..source import Tree
from .at import problem_at


def check_control_planes(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each of several control planes without `ip`: no record of the API server would name it."""
    several = len(desc.control_planes)
    if desc.kubernetes is None or several < 2 or desc.network.dhcp.mode is DhcpMode.PROXY:
        return  # with `proxy` every node needs one
    roles = tuple(f"nodes[{i}].roles" for i in range(len(desc.nodes)))
    for i, node in enumerate(desc.nodes):
        if node.ip is None and Role.CONTROL_PLANE in node.roles:
            yield problem_at(
                tree,
                ("nodes", i, "ip"),
                f"is missing: `{node.name}` is one of {several} control planes, which are tried by their addresses",
                "write an address of network.subnet outside network.dhcp.range",
                given=roles,
            )


def check_endpoint(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem where the endpoint is a name of ours at a port at which no API server listens."""
    host, port = desc.api_endpoint
    if desc.kubernetes is not None and port != API_PORT and _is_ours(desc, host):
        yield problem_at(
            tree,
            ("kubernetes", "api_server", "endpoint"),
            f"`{host}` names control planes themselves, and no API server listens at port {port}",
            f"leave the port out for {API_PORT}; a balancer's name goes into `network.hosts` with its address",
            given=("cluster.domain", "network.hosts", "network.nameservers"),
        )


def _is_ours(desc: ClusterDesc, host: str) -> bool:
    """Return whether machines know a name from kboot: where they do not ask the bootstrapper, those of nodes alone."""
    ending, network = f".{desc.cluster.domain}", desc.network
    if not host.endswith(ending) or host in network.hosts:
        return False
    asked = not network.nameservers or network.bootstrapper in network.nameservers
    return asked or host.removesuffix(ending) in {node.name for node in desc.nodes}
