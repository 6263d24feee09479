"""A render as `kboot render` does it, without the host: what tests have in common."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from kboot.node.extra import read_extra
from kboot.pki import Secrets
from kboot.render import Attachments, RenderedFile, render
from kboot.render.compose import HostNetwork, LabNetwork, NetworkMode
from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import SERVICES, Service
from support.fixed_secrets import fixed_secrets

ROOT = Path("/var/lib/kboot")
LAB = LabNetwork(IPv4Address("10.10.14.254"), IPv4Network("10.10.14.240/29"))


def rendered_files(
    desc: ClusterDesc,
    *,
    folder: Path | None = None,
    secrets: Secrets | None = None,
    network: NetworkMode | None = None,
    interface: str = "eth1",
    root: Path = ROOT,
    release_key: bytes | None = None,
    payload_key: bytes | None = None,
    services: Sequence[Service] = SERVICES,
) -> dict[str, RenderedFile]:
    """Every file; the description's fragments are read from `folder`."""
    return render(
        desc,
        secrets=secrets or fixed_secrets(desc),
        images={service.name: f"kboot-{service.name}:0.1.0-0123456789ab" for service in services},
        network=network or HostNetwork(),
        interface=interface,
        root=root,
        attachments=replace(attachments_of(desc, folder or Path(), release_key), payload_key=payload_key),
        services=services,
    )


def attachments_of(desc: ClusterDesc, folder: Path, release_key: bytes | None = None) -> Attachments:
    """The description's fragments, read from `folder`."""
    names = {name for name in (desc.os.extra, *(node.extra for node in desc.nodes)) if name is not None}
    return Attachments(release_key, {name: read_extra((folder / name).read_bytes(), name) for name in names})


def write_rendered(files: dict[str, RenderedFile], folder: Path) -> None:
    """The files below `folder` with their modes and, for root, their owners."""
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
        if os.geteuid() == 0:
            os.chown(target, file.uid, file.uid)
