"""The folder of a cluster whose registry is the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load
from support.broken_registry import BrokenRegistry, serving
from support.ports import free_port

PAUSE = "registry.k8s.io/pause:3.10"


@contextmanager
def registry_site(
    root: Path, name: str, address: str, registry: BrokenRegistry
) -> Iterator[tuple[ClusterFolder, ClusterDesc]]:
    """A cluster with Kubernetes whose registry, on both of its ports, is `registry`."""
    folder, desc = cluster_with_registry(root, name, address)
    pair = folder.pki / "registry.pem", folder.pki / "registry.key"
    port = desc.registry.port
    with serving(registry, *pair, (address, port), ("127.0.0.1", port + 1)):
        yield folder, desc


def cluster_with_registry(root: Path, name: str, address: str) -> tuple[ClusterFolder, ClusterDesc]:
    """A cluster with Kubernetes at `address`, its secrets made; its registry may have two ports that are free."""
    folder, port = ClusterFolder(root, name), free_port(address)
    folder.path.mkdir()
    network = address.rpartition(".")[0]
    folder.description.write_text(
        f"""apiVersion: kboot/v1
cluster: {{name: {name}, domain: {name}.example.com}}
network:
  bootstrapper: {address}
  subnet: {network}.0/24
  dhcp: {{mode: serve, range: [{network}.100, {network}.150]}}
registry: {{port: {port}}}
kubernetes: {{version: v1.36.2, cni: {{name: none}}}}
images: {{pause: "{PAUSE}"}}
nodes:
  - {{mac: "52:54:00:77:00:01", name: node1, ip: {network}.11, roles: [control-plane, etcd]}}
"""
    )
    desc = load(folder.description)
    load_or_create(folder, desc, datetime.now(UTC))
    return folder, desc
