"""Configures the registry's two processes on one store: anyone may pull, pushes come from here with a credential."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.shared_files import PUSH_PASSWORDS, SERVER_CERTIFICATE, SERVER_KEY
from kboot_compose.templates import rendered


def registry_files(desc: ClusterDesc, secret: str) -> dict[str, bytes]:
    """Return the configurations of both processes, which share one secret: without it an upload cannot be resumed."""
    port = desc.registry.port
    tls_files = {"certificate": SERVER_CERTIFICATE, "key": SERVER_KEY, "passwords": PUSH_PASSWORDS}
    return {
        "config/registry.yml": rendered(
            "config/registry.yml.j2",
            purpose="what machines pull from",
            read_only=True,
            address=f"{desc.network.bootstrapper}:{port}",
            secret=secret,
            **tls_files,
        ),
        "config/registry-push.yml": rendered(
            "config/registry.yml.j2",
            purpose="pushes, from this machine alone",
            read_only=False,
            address=f"127.0.0.1:{port + 1}",
            secret=secret,
            **tls_files,
        ),
    }
