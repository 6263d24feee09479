"""Where the parts on a node find the API server, and how soon they look for another one."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.model import API_PORT

from ..patience import patience_of

Environment = tuple[tuple[str, int | str], ...]

LOCAL = f"https://127.0.0.1:{API_PORT}"  # on a control plane


def api_server_url(desc: ClusterDesc, node: Node) -> str:
    """Return the URL of the API for the parts on `node`: a control plane asks itself, other nodes the endpoint."""
    if Role.CONTROL_PLANE in node.roles:
        return LOCAL
    host, port = desc.api_endpoint
    return f"https://{host}:{port}"


def client_environment(desc: ClusterDesc) -> Environment:
    """Return the environment in which a client of client-go leaves an API server whose machine is off without a word.

    By itself it takes 30 s to ask and 15 s to give up, then up to 10 s to dial. Empty for one control plane, beside
    which there is none to go to.
    """
    patience = patience_of(desc)
    if len(desc.control_planes) < 2:
        return ()
    return (
        ("HTTP2_READ_IDLE_TIMEOUT_SECONDS", patience.api_idle_s),
        ("HTTP2_PING_TIMEOUT_SECONDS", patience.api_ping_s),
    )


def unit_environment(desc: ClusterDesc, node: Node) -> Environment:
    """Return the environment of a unit that asks the API server; empty on a control plane, which asks itself.

    Without the first variable glibc gives the first address alone of a name in /etc/hosts, unless /etc/host.conf says
    otherwise (host.conf(5)). A released kubelet asks glibc, and so does curl.
    """
    told = client_environment(desc)
    return (("RESOLV_MULTI", "on"), *told) if told and Role.CONTROL_PLANE not in node.roles else ()
