"""What each machine is given, in both dialects."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.layout import KBOOT_UID

from ..node import NodeConfig, cloud_config, ignition
from ..node.first_boot import base_config, with_hash
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
    """The config of one machine: what all get, then the cluster's fragment, then its own."""
    config = base_config(
        desc, node, authority=secrets.authority.certificate, report_token=secrets.report_tokens[node.mac]
    )
    for name in (desc.os.extra, node.extra):
        if name is not None:
            config = config.merged(attachments.extras[name])
    return config
