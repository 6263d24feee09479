"""What each machine is given, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.layout import KBOOT_UID

from ..node import NodeConfig, cloud_config, ignition, roles
from ..node.config import with_hash
from ..node.first_boot import base_config
from ..pki import Secrets
from .attachments import Attachments
from .files import RenderedFile


def node_files(desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments) -> dict[str, RenderedFile]:
    """The files of one machine; none but the cloud-config server may read them."""
    config, number = with_hash(node_config(desc, node, secrets, attachments))
    contents = {
        "ignition.json": ignition(config),
        "cloud-config.yaml": cloud_config(config),
        "report-token": f"{secrets.report_tokens[node.mac]}\n".encode(),
        "config-hash": f"{number}\n".encode(),
    }
    folder = f"nodes/{node.mac.dashed}"
    return {f"{folder}/{name}": RenderedFile(content, 0o600, KBOOT_UID) for name, content in contents.items()}


def node_config(desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments) -> NodeConfig:
    """The config of one machine: what all get, what its roles add, then the cluster's fragment, then its own."""
    config = base_config(
        desc, node, authority=secrets.authority.certificate, report_token=secrets.report_tokens[node.mac]
    )
    for contribution in _contributions(desc, node, secrets, attachments):
        config = config.merged(contribution)
    for name in (desc.os.extra, node.extra):
        if name is not None:
            config = config.merged(attachments.extras[name])
    return config


def _contributions(
    desc: ClusterDesc, node: Node, secrets: Secrets, attachments: Attachments
) -> Iterator[NodeConfig]:
    """What the roles of a machine add. Its secrets are there: they follow from the same description."""
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
