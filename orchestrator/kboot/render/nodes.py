"""Renders what each machine is given, in both dialects, and as kboot reads it back."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, Node, Role, joined, shared_files
from kboot_clusterdesc.layout import certificate_path
from kboot_compose.services import CLOUDCONFIG

from ..node import NodeConfig, cloud_config, document, ignition, roles
from ..node.config import with_hash
from ..node.first_boot import base_config
from ..pki import Secrets
from .attachments import Attachments
from .files import RenderedFile


def node_files(desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments) -> dict[str, RenderedFile]:
    """Return the files of one machine; only the cloud-config server may read them."""
    token = secrets.report_tokens[node.mac]
    files = _files(node.mac.dashed, node_config(desc, node, secrets, attachments))
    files[f"nodes/{node.mac.dashed}/{shared_files.REPORT_TOKEN}"] = _file(f"{token}\n".encode())
    return files | _certificate_files(node, secrets)


def joined_files(desc: ClusterDesc, secrets: Secrets, attachments: Attachments) -> dict[str, RenderedFile]:
    """Return the one node config of all undeclared machines; the cloud-config server fills in each one's own names."""
    return _files(joined.FOLDER, joined_config(desc, secrets, attachments))


def node_config(desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments) -> NodeConfig:
    """Return the config of one machine: what all get, what its roles add, the cluster's fragment, then its own."""
    token = secrets.report_tokens[node.mac]
    parts = _contributions(desc, node, secrets, attachments)
    return _config(desc, node, secrets, attachments, token, parts)


def joined_config(desc: ClusterDesc, secrets: Secrets, attachments: Attachments) -> NodeConfig:
    """Return the config of a worker without keys, with the marks of `joined` in place of a machine's own names."""
    node = joined.joined_node(joined.STAND_IN_MAC)
    parts = _joined_contributions(desc, node, secrets)
    return _config(desc, node, secrets, attachments, joined.REPORT_TOKEN_MARK, parts)


def _files(folder: str, config: NodeConfig) -> dict[str, RenderedFile]:
    hashed, number = with_hash(config)
    contents = {
        shared_files.IGNITION: ignition(hashed),
        shared_files.CLOUD_CONFIG: cloud_config(hashed),
        shared_files.NODE_CONFIG: document(hashed),
        shared_files.CONFIG_HASH: f"{number}\n".encode(),
    }
    return {f"nodes/{folder}/{name}": _file(content) for name, content in contents.items()}


def _certificate_files(node: Node, secrets: Secrets) -> dict[str, RenderedFile]:
    """Return the certificate of each key of the machine; the keys stand in its node config alone."""
    pairs = secrets.node_keys.get(node.mac, {})
    return {
        f"nodes/{node.mac.dashed}/{certificate_path(name)}": _file(pair.certificate) for name, pair in pairs.items()
    }


def _file(content: bytes) -> RenderedFile:
    return RenderedFile(content, 0o600, CLOUDCONFIG.user.uid)


def _config(
    desc: ClusterDesc,
    node: Node,
    secrets: Secrets,
    attachments: Attachments,
    report_token: str,
    contributions: Iterator[NodeConfig],
) -> NodeConfig:
    config = base_config(desc, node, authority=secrets.authority.certificate, report_token=report_token)
    for contribution in contributions:
        config = config.merged(contribution)
    for name in (desc.os.extra, node.extra):
        if name is not None:
            config = config.merged(attachments.extras[name])
    return config


def _contributions(desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments) -> Iterator[NodeConfig]:
    """Yield what each role of a machine adds. Its secrets are there, since they follow from the same description."""
    keys = secrets.node_keys.get(node.mac, {})
    is_member = Role.ETCD in node.roles
    if is_member or desc.kubernetes is not None:
        yield roles.container_runtime(desc, node)
    if is_member and secrets.etcd_authority is not None:
        yield roles.etcd(desc, node, secrets.etcd_authority.certificate, keys)
    if desc.kubernetes is None or secrets.kubernetes is None:
        return
    authority = secrets.kubernetes.authority.certificate
    yield roles.kubelet(desc, node, desc.kubernetes, authority, keys)
    if desc.kubernetes.cni.name == "routes":
        yield roles.pod_network(desc, node, desc.kubernetes, authority, keys["routes-client"])
    if Role.CONTROL_PLANE in node.roles and secrets.etcd_authority is not None:
        etcd_authority = secrets.etcd_authority.certificate
        yield roles.control_plane(desc, node, desc.kubernetes, secrets.kubernetes, etcd_authority, keys)
        yield roles.addons(desc, node, desc.kubernetes, authority, keys["addons"], attachments.manifests)
        if secrets.join_seed is not None:
            yield roles.tls_bootstrap(desc, node, desc.kubernetes, secrets.join_seed)


def _joined_contributions(desc: ClusterDesc, node: Node, secrets: Secrets) -> Iterator[NodeConfig]:
    if desc.kubernetes is None or secrets.kubernetes is None:
        return
    authority = secrets.kubernetes.authority.certificate
    yield roles.container_runtime(desc, node)
    yield roles.joining_kubelet(desc, node, desc.kubernetes, authority)
    if desc.kubernetes.cni.name == "routes":
        yield roles.pod_network(desc, node, desc.kubernetes, authority, None)
