"""A control plane: API server, controller manager and scheduler as static pods of the machine's own kubelet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.model import API_PORT, POD_BLOCK_PREFIX, Kubernetes
from kboot_clusterdesc.node_images import node_images
from kboot_compose.templates import rendered

from ...pki import KeyPair, KubernetesSecrets
from ...pki.kubeconfig import kubeconfig
from ..config import File, NodeConfig
from ..patience import patience_of
from .api_server import LOCAL
from .etcd import client_url, client_urls

_FOLDER = "nodes/control_plane"
_SERVER, _MANAGER, _SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"


def control_plane(
    desc: ClusterDesc,
    node: Node,
    kubernetes: Kubernetes,
    secrets: KubernetesSecrets,
    etcd_authority: bytes,
    keys: Mapping[str, KeyPair],
) -> NodeConfig:
    """Return the static pods on `node`, and what each reads: a folder for each pod, and no pod sees another's."""
    values: dict[str, object] = {
        "images": node_images(desc),
        "node_ip": node.ip,
        "port": API_PORT,
        "etcd_urls": _etcd_urls(desc, node),
        "dns_domain": kubernetes.dns_domain,
        "service_cidr": kubernetes.service_cidr,
        "pod_cidr": kubernetes.pod_cidr,
        "block_prefix": POD_BLOCK_PREFIX,
        "encryption_key": secrets.encryption_key,
        "lets_machines_join": desc.lets_machines_join,
        "patience": patience_of(desc),
    }
    files = (
        File("/opt/bin/kboot-api-server", rendered(f"{_FOLDER}/kboot-api-server.j2"), 0o755, read_by=None),
        *_pod(_SERVER, values, _api_server(values, secrets, etcd_authority, keys)),
        *_pod(_MANAGER, values, _controller_manager(desc, secrets, keys["controller-manager"])),
        *_pod(_SCHEDULER, values, _scheduler(desc, values, secrets, keys["scheduler"])),
    )
    return NodeConfig(node.name, files=files)


def _etcd_urls(desc: ClusterDesc, node: Node) -> list[str]:
    """Return the URLs of every member: an API server outlives its own; where machines are slow, of that one alone."""
    if node in desc.etcd_members and not patience_of(desc).every_etcd_member:
        return [client_url(desc, node)]
    return client_urls(desc)


def _home(pod: str) -> str:
    return f"/etc/kubernetes/{pod}"


def _pod(pod: str, values: Mapping[str, object], read: Iterator[File]) -> Iterator[File]:
    """Yield what a static pod reads, then its manifest, which names the hash of it: an edit restarts the pod."""
    total = sha256()
    for file in read:
        total.update(repr(file).encode())
        yield file
    inputs = total.hexdigest()
    content = rendered(f"{_FOLDER}/{pod}.yaml.j2", home=_home(pod), inputs=inputs, **values)
    yield File(f"/etc/kubernetes/manifests/{pod}.yaml", content, 0o600, read_by=None)  # the kubelet watches it


def _file(path: str, content: bytes, mode: int = 0o644) -> File:
    """A file that a static pod reads at its start: no unit does, and the manifest names its hash."""
    return File(path, content, mode, read_by=None)


def _pair(home: str, name: str, pair: KeyPair) -> tuple[File, File]:
    return _file(f"{home}/{name}.pem", pair.certificate), _file(f"{home}/{name}.key", pair.key, 0o600)


def _api_server(
    values: Mapping[str, object], secrets: KubernetesSecrets, etcd_authority: bytes, keys: Mapping[str, KeyPair]
) -> Iterator[File]:
    home = _home(_SERVER)
    yield _file(f"{home}/ca.pem", secrets.authority.certificate)
    yield _file(f"{home}/etcd-ca.pem", etcd_authority)
    yield _file(f"{home}/front-proxy-ca.pem", secrets.front_proxy_authority.certificate)
    for name in ("apiserver", "apiserver-kubelet-client", "apiserver-etcd-client", "front-proxy-client"):
        yield from _pair(home, name, keys[name])
    yield _file(f"{home}/service-account.pub", secrets.service_account.certificate)
    yield _file(f"{home}/service-account.key", secrets.service_account.key, 0o600)
    for name, mode in (("authentication.yaml", 0o644), ("audit-policy.yaml", 0o644), ("encryption.yaml", 0o600)):
        yield _file(f"{home}/{name}", rendered(f"{_FOLDER}/{name}.j2", **values), mode)


def _controller_manager(desc: ClusterDesc, secrets: KubernetesSecrets, client: KeyPair) -> Iterator[File]:
    home = _home(_MANAGER)
    yield from _pair(home, "ca", secrets.authority)
    yield _file(f"{home}/front-proxy-ca.pem", secrets.front_proxy_authority.certificate)
    yield _file(f"{home}/service-account.key", secrets.service_account.key, 0o600)
    yield _kubeconfig(home, desc, secrets, client, "controller-manager")


def _scheduler(
    desc: ClusterDesc, values: Mapping[str, object], secrets: KubernetesSecrets, client: KeyPair
) -> Iterator[File]:
    home = _home(_SCHEDULER)
    yield _kubeconfig(home, desc, secrets, client, "scheduler")
    yield _file(f"{home}/config.yaml", rendered(f"{_FOLDER}/scheduler-config.yaml.j2", home=home, **values))


def _kubeconfig(home: str, desc: ClusterDesc, secrets: KubernetesSecrets, client: KeyPair, user: str) -> File:
    content = kubeconfig(LOCAL, secrets.authority.certificate, client, user, desc.cluster.name)
    return _file(f"{home}/kubeconfig", content, 0o600)
