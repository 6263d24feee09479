"""Renders every file of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, dump, joined, shared_files
from kboot_compose.services import CLOUDCONFIG, REGISTRY, SERVICES, Service, services_of

from ..pki import Secrets
from .attachments import Attachments
from .boot_files import boot_files
from .chrony import chrony_files
from .compose import NetworkMode, compose_file
from .dhcp import dhcp_files
from .files import RenderedFile
from .nodes import joined_files, node_files
from .registry import registry_files


def render(
    desc: ClusterDesc,
    *,
    secrets: Secrets,
    images: Mapping[str, str],
    network: NetworkMode,
    interface: str,
    root: Path,
    attachments: Attachments | None = None,
    services: Sequence[Service] = SERVICES,
) -> dict[str, RenderedFile]:
    """Return path below `<root>/<cluster>` -> file. `interface` is the one that dnsmasq may answer on."""
    attached = attachments or Attachments()
    token_sha256 = sha256(secrets.operator_token.encode()).hexdigest()
    description = dump(desc)
    contents = {
        **dhcp_files(desc, interface),
        **boot_files(desc, secrets.authority.certificate, attached.release_key),
        **registry_files(desc, secrets.registry_http_secret),
        **chrony_files(desc),
        f"config/{shared_files.DESCRIPTION}": description,
        f"config/{shared_files.AUTHORITY}": secrets.authority.certificate,
        f"config/{shared_files.OPERATOR_TOKEN_SHA256}": f"{token_sha256}\n".encode(),
        "cluster.yaml": description,
    }
    if attached.release_key is not None:
        contents[f"config/{shared_files.RELEASE_KEY}"] = attached.release_key
    contents |= {f"config/{name}": content for name, content in attached.updater_config.items()}
    files = {path: RenderedFile(content) for path, content in contents.items()}
    for path in ("config/registry.yml", "config/registry-push.yml"):
        files[path] = RenderedFile(files[path].content, 0o640, REGISTRY.user.uid)  # they hold the writers' secret
    for name, content in attached.notify.items():
        files[f"tls/{CLOUDCONFIG.name}/{name}"] = _secret(content, CLOUDCONFIG)
    files |= _tls_files(secrets, services_of(desc, services))
    for node in desc.nodes:
        files |= node_files(desc, node, secrets, attached)
    if desc.lets_machines_join:
        files |= joined_files(desc, secrets, attached)
    files["compose.yaml"] = RenderedFile(compose_file(desc, files, images, network, root, services))
    return dict(sorted(files.items()))


def _tls_files(secrets: Secrets, services: Sequence[Service]) -> dict[str, RenderedFile]:
    files = {}
    for service in services:
        if service.tls is not None:
            pair = secrets.servers[service.name]
            files[f"tls/{service.name}/{shared_files.SERVER_CERTIFICATE}"] = _secret(pair.certificate, service)
            files[f"tls/{service.name}/{shared_files.SERVER_KEY}"] = _secret(pair.key, service)
    if secrets.kubernetes is not None:  # the cloud-config server asks with these which nodes are Ready
        status = secrets.kubernetes.status_client
        for name, content in (
            (shared_files.KUBERNETES_AUTHORITY, secrets.kubernetes.authority.certificate),
            (shared_files.STATUS_CERTIFICATE, status.certificate),
            (shared_files.STATUS_KEY, status.key),
        ):
            files[f"tls/cloudconfig/{name}"] = _secret(content, CLOUDCONFIG)
    if secrets.etcd_authority is not None and secrets.etcd_status_client is not None:
        for name, content in (
            (shared_files.ETCD_AUTHORITY, secrets.etcd_authority.certificate),
            (shared_files.ETCD_STATUS_CERTIFICATE, secrets.etcd_status_client.certificate),
            (shared_files.ETCD_STATUS_KEY, secrets.etcd_status_client.key),
        ):
            files[f"tls/cloudconfig/{name}"] = _secret(content, CLOUDCONFIG)
    if secrets.join_seed is not None:
        files[f"tls/cloudconfig/{joined.SEED_FILE}"] = _secret(f"{secrets.join_seed}\n".encode(), CLOUDCONFIG)
    files[f"tls/registry/{shared_files.PUSH_PASSWORDS}"] = _secret(secrets.push_htpasswd.encode(), REGISTRY)
    return files


def _secret(content: bytes, owner: Service) -> RenderedFile:
    return RenderedFile(content, 0o600, owner.user.uid)
