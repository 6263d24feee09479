"""The file that kubectl, a kubelet or a controller takes its server and its credential from. Pure."""

from __future__ import annotations

from base64 import b64encode

from kboot_clusterdesc.load import dump_data

from .authority import KeyPair


def kubeconfig(
    server: str, authority: bytes, pair: KeyPair, user: str, cluster: str, *, tls_server_name: str | None = None
) -> bytes:
    """A kubeconfig that holds all it needs (kubernetes.io: kubeconfig (v1)). `authority` is a PEM, `server` a URL;
    with `tls_server_name` the server's certificate is to be of that name, whatever address stands in the URL."""
    context = f"{user}@{cluster}"
    reached = {"server": server, "certificate-authority-data": _base64(authority)}
    if tls_server_name is not None:
        reached["tls-server-name"] = tls_server_name
    shown = {"client-certificate-data": _base64(pair.certificate), "client-key-data": _base64(pair.key)}
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": reached}],
        "users": [{"name": user, "user": shown}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
        "preferences": {},
    }
    return f"{first_line(cluster)}\n{dump_data(data)}".encode()


def first_line(cluster: str) -> str:
    """What a kubeconfig of ours begins with; kubectl drops it when it rewrites the file."""
    return f"# kubeconfig of cluster {cluster}, made by kboot"


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
