"""Writes kubeconfigs: where the API server is, which authority proves it, and the client's own proof."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache

from kboot_clusterdesc.yaml_writer import dump_data

from .key_pair import KeyPair


def kubeconfig(
    server: str, authority: bytes, pair: KeyPair, user: str, cluster: str, *, tls_server_name: str | None = None
) -> bytes:
    """Return a kubeconfig with everything in it; `server` is a URL, `authority` the API's CA as PEM."""
    target = {"server": server, "certificate-authority-data": b64encode(authority).decode()}
    if tls_server_name is not None:
        target["tls-server-name"] = tls_server_name
    credentials = {
        "client-certificate-data": b64encode(pair.certificate).decode(),
        "client-key-data": b64encode(pair.key).decode(),
    }
    return _written(target, credentials, user, cluster)


@lru_cache(16)  # all workers have the same
def kubeconfig_by_file(server: str, authority: str, certificate: str, key: str) -> bytes:
    """Return a kubeconfig that names files, whose contents may be renewed later."""
    target = {"server": server, "certificate-authority": authority}
    return _written(target, {"client-certificate": certificate, "client-key": key}, "default", "default")


def kubeconfig_by_token(server: str, authority: str, token: str) -> bytes:
    """Return a kubeconfig of a holder of a bootstrap token; `authority` and `token` are files."""
    target = {"server": server, "certificate-authority": authority}
    return _written(target, {"tokenFile": token}, "default", "default")


def _written(target: dict[str, str], credentials: dict[str, str], user: str, cluster: str) -> bytes:
    context = f"{user}@{cluster}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": target}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
        "preferences": {},
    }
    return dump_data(document).encode()
