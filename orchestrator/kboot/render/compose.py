"""The Compose project: which containers, with which files and rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.services import SERVICES, Service, services_of
from kboot_compose.templates import rendered

from .files import RenderedFile


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """The services stand on the bootstrapper's own network."""


@dataclass(frozen=True, slots=True)
class LabNetwork:
    """The services share the network of a holder container on a private bridge."""

    gateway: IPv4Address
    ip_range: IPv4Network  # the engine's own pool, apart from every address of the description


NetworkMode = HostNetwork | LabNetwork


def compose_file(
    desc: ClusterDesc,
    files: Mapping[str, RenderedFile],
    images: Mapping[str, str],
    network: NetworkMode,
    root: Path,
    services: Sequence[Service] = SERVICES,
) -> bytes:
    """Return compose.yaml; `files` are the other rendered files, `images` a reference for each service."""
    folder = ClusterFolder(root, desc.cluster.name)
    lab = isinstance(network, LabNetwork)
    shown = [
        {
            "name": service.name,
            "image": images[service.name],
            "memory": service.memory,
            "health": list(service.health),
            "capabilities": service.capabilities,
            "hands_over": service.hands_over,
            "environment": service.environment(desc),
            "inputs": inputs_hash(service, files, images[service.name]),
            "mounts": [
                {"source": str(folder.path / m.path), "target": m.target, "writable": service.may_write(m)}
                for m in service.mounts
            ],
        }
        for service in services_of(desc, services)
    ]
    return rendered(
        "compose.yaml.j2",
        cluster=desc.cluster.name,
        project=f"kboot-{desc.cluster.name}",
        bootstrapper=desc.network.bootstrapper,
        registry_port=desc.registry.port,
        subnet=desc.network.subnet,
        lab=lab,
        gateway=network.gateway if isinstance(network, LabNetwork) else "",
        ip_range=network.ip_range if isinstance(network, LabNetwork) else "",
        images=images,
        services=shown,
    )


def inputs_hash(service: Service, files: Mapping[str, RenderedFile], image: str) -> str:
    """Return the SHA-256 of the image and the files that a service reads only once; Compose hashes no contents."""
    digest = sha256(image.encode())
    for path in sorted(filter(service.restarts_for, files)):
        digest.update(f"\0{path}\0".encode() + files[path].content)
    return digest.hexdigest()
