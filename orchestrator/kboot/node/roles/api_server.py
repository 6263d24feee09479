"""The URL at which the parts on a node find the API server."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.model import API_PORT

LOCAL = f"https://127.0.0.1:{API_PORT}"  # on a control plane


def api_server_url(desc: ClusterDesc, node: Node) -> str:
    """Return the URL of the API for the parts on `node`: a control plane asks itself, other nodes the endpoint."""
    if Role.CONTROL_PLANE in node.roles:
        return LOCAL
    host, port = desc.api_endpoint
    return f"https://{host}:{port}"
