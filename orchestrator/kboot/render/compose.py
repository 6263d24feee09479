"""The Compose project: which containers, with which files and rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
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


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount; `path` is relative to the cluster's folder."""

    path: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    memory: str
    health: tuple[str, ...]
    mounts: tuple[Mount, ...]
    capabilities: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()  # files, and folders with a slash at the end, whose change needs a restart


# Root binds the low ports and drops to the service's user, hence SETUID and SETGID.
_SERVICES = (
    _Service(
        "dnsmasq",
        "128m",
        ("CMD", "/usr/local/bin/healthcheck"),
        (
            Mount("config/dnsmasq.conf", "/etc/dnsmasq.conf"),
            Mount("config/dhcp-hosts", "/etc/kboot/dhcp-hosts"),
            Mount("config/hosts", "/etc/kboot/hosts"),
            Mount("config/pxelinux.cfg", "/var/lib/tftpboot/pxelinux.cfg"),
            Mount("leases", "/var/lib/kboot/leases", writable=True),
        ),
        ("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID"),
        ("config/dnsmasq.conf", "config/dhcp-hosts", "config/hosts", "config/pxelinux.cfg/"),
    ),
    _Service(
        "cloudconfig",
        "512m",
        ("CMD", "python3", "-m", "kboot_cloudconfig.health_check"),
        (
            Mount("config", "/etc/kboot"),
            Mount("tls/cloudconfig", "/etc/kboot-tls"),
            Mount("nodes", "/var/lib/kboot/nodes"),
            Mount("images", "/var/lib/kboot/images"),
            Mount("assets", "/var/lib/kboot/assets"),
            Mount("leases", "/var/lib/kboot/leases"),
            Mount("state", "/var/lib/kboot/state", writable=True),
        ),
        ("NET_BIND_SERVICE", "SETUID", "SETGID"),
        # the client certificate beside them is read at each use
        ("tls/cloudconfig/server.pem", "tls/cloudconfig/server.key"),
    ),
    _Service(
        "registry",
        "512m",
        ("CMD", "/usr/local/bin/healthcheck"),
        (
            Mount("config/registry.yml", "/etc/docker/registry/config.yml"),
            Mount("config/registry-push.yml", "/etc/docker/registry/push.yml"),
            Mount("tls/registry", "/etc/kboot-tls"),
            Mount("registry", "/var/lib/registry", writable=True),
        ),
        (),
        ("config/registry.yml", "config/registry-push.yml", "tls/registry/"),
    ),
    _Service(
        "updater",
        "512m",
        ("CMD", "python3", "-m", "kboot_updater.health_check"),
        (Mount("config", "/etc/kboot"), Mount("images", "/var/lib/kboot/images", writable=True)),
    ),
)


def compose_file(
    desc: ClusterDesc,
    files: Mapping[str, RenderedFile],
    images: Mapping[str, str],
    network: NetworkMode,
    root: Path,
) -> bytes:
    """Return compose.yaml; `files` are the other rendered files, `images` a reference for each service."""
    folder = ClusterFolder(root, desc.cluster.name)
    lab = isinstance(network, LabNetwork)
    services = [
        {
            "name": service.name,
            "image": images[service.name],
            "memory": service.memory,
            "health": list(service.health),
            "capabilities": service.capabilities,
            "inputs": inputs_hash(service.inputs, files, images[service.name]),
            "mounts": [
                {"source": str(folder.path / m.path), "target": m.target, "writable": m.writable}
                for m in service.mounts
            ],
        }
        for service in _SERVICES
        if service.name != "updater" or desc.os.update.enabled
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
        services=services,
    )


def inputs_hash(inputs: tuple[str, ...], files: Mapping[str, RenderedFile], image: str) -> str:
    """Return the SHA-256 of the image and the files that a service reads only once; Compose hashes no contents."""
    digest = sha256(image.encode())
    for path in sorted(files):
        if path.startswith(tuple(name for name in inputs if name.endswith("/"))) or path in inputs:
            digest.update(f"\0{path}\0".encode() + files[path].content)
    return digest.hexdigest()
