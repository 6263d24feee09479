"""An etcd member: from the cluster's registry, under systemd and containerd, out of the kubelet's sight."""

from __future__ import annotations

from collections.abc import Mapping

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.model import ETCD_PORT, ETCD_QUOTA_BYTES, RebootStrategy
from kboot_clusterdesc.node_images import image
from kboot_compose.templates import rendered

from ...pki import KeyPair
from ..config import File, NodeConfig, Unit
from ..patience import patience_of

PEER_PORT = 2380
PKI = "/etc/etcd/pki"
_FOLDER = "nodes/etcd"
_UNIT = "etcd.service"
# Certificate -> the name of its files, and what reads them. Each run of etcdctl is a client.
_KEYS = {"etcd-server": ("server", _UNIT), "etcd-peer": ("peer", _UNIT), "etcd-client": ("client", None)}


def host_of(desc: ClusterDesc, node: Node) -> str:
    """Return how other machines reach `node`: by its fixed address, which needs no DNS, else by its name."""
    return str(node.ip) if node.ip is not None else f"{node.name}.{desc.cluster.domain}"


def client_urls(desc: ClusterDesc) -> list[str]:
    """Return the URLs at which clients reach the members, in the order of MACs."""
    return [client_url(desc, member) for member in desc.etcd_members]


def client_url(desc: ClusterDesc, member: Node) -> str:
    """Return the URL at which clients reach `member`."""
    return f"https://{host_of(desc, member)}:{ETCD_PORT}"


def etcd(desc: ClusterDesc, node: Node, authority: bytes, keys: Mapping[str, KeyPair]) -> NodeConfig:
    """Return the files and units of the member on `node`; `authority` is etcd's own."""
    members = [{"name": member.name, "host": host_of(desc, member)} for member in desc.etcd_members]
    values: dict[str, object] = {
        "name": node.name,
        "cluster": desc.cluster.name,
        "host": host_of(desc, node),
        "members": members,
        "others": [member for member in members if member["name"] != node.name],
        "client_port": ETCD_PORT,
        "peer_port": PEER_PORT,
        "quota_bytes": ETCD_QUOTA_BYTES,
        "image": image(desc, "etcd"),
        "pki": PKI,
        "patience": patience_of(desc),
        "v2": desc.os.update.reboot_strategy is RebootStrategy.ETCD_LOCK,
    }
    files = [
        File("/etc/etcd/etcd.env", rendered(f"{_FOLDER}/etcd.env.j2", **values), read_by=_UNIT),
        File("/etc/etcd/etcdctl.env", rendered(f"{_FOLDER}/etcdctl.env.j2", **values), read_by=None),
        File("/opt/bin/kboot-etcd", rendered(f"{_FOLDER}/kboot-etcd.j2", **values), 0o755, read_by=_UNIT),
        File("/opt/bin/etcdctl", rendered(f"{_FOLDER}/etcdctl.j2", **values), 0o755, read_by=None),
        File(f"{PKI}/ca.pem", authority, read_by=_UNIT),
    ]
    for name, (short, reader) in _KEYS.items():
        files.append(File(f"{PKI}/{short}.pem", keys[name].certificate, read_by=reader))
        files.append(File(f"{PKI}/{short}.key", keys[name].key, 0o600, read_by=reader))
    units = [
        Unit(name, rendered(f"{_FOLDER}/{name}.j2", **values).decode(), enabled)
        for name, enabled in (
            (_UNIT, True),
            ("etcd-promote.service", True),
            ("etcd-defrag.service", False),
            ("etcd-defrag.timer", True),
            ("etcd-snapshot.service", False),
            ("etcd-snapshot.timer", True),
        )
    ]
    return NodeConfig(node.name, files=tuple(files), units=tuple(units))
