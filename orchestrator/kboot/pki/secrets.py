"""What a cluster keeps secret: made once, the same bytes ever after."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address

import bcrypt

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from .authority import KeyPair, Subject
from .node_keys import Authority, key_specs, status_client
from .secret_store import SecretStore

PUSH_USER = "kboot"


@dataclass(frozen=True, slots=True)
class KubernetesSecrets:
    """What the Kubernetes of a cluster has beside the keys of single machines."""

    authority: KeyPair  # of the API: its servers, kubelets, operators
    front_proxy_authority: KeyPair
    service_account: KeyPair  # `certificate` is the public key
    encryption_key: str  # of secrets at rest: 32 bytes, base64
    status_client: KeyPair  # the cloud-config server's: CN kboot-status, may read nodes


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys, certificates and tokens of one cluster; a render is a pure function of them and the description."""

    authority: KeyPair
    cloudconfig: KeyPair
    registry: KeyPair
    operator_token: str
    push_htpasswd: str
    registry_http_secret: str
    report_tokens: dict[Mac, str]
    etcd_authority: KeyPair | None = None  # where a node keeps etcd
    kubernetes: KubernetesSecrets | None = None
    node_keys: Mapping[Mac, Mapping[str, KeyPair]] = field(default_factory=dict)  # see pki/node_keys.py


def load_or_create(folder: ClusterFolder, desc: ClusterDesc, now: datetime) -> Secrets:
    """The secrets in `folder`; what is missing is made and kept, and what no longer fits the description made anew.

    Authorities are made once. The bootstrapper's own certificates are renewed before their end; those of machines are
    not, since each of them would then run another config than it should: `kboot certs renew` does it.
    """
    kept = SecretStore(folder)
    authority = kept.authority("cluster-ca", f"kboot {desc.cluster.name} cluster CA", now)
    push_password = kept.text("registry-push-password", _token)
    hashed = kept.text(
        "registry-push-hash", lambda: bcrypt.hashpw(push_password.encode(), bcrypt.gensalt(10)).decode()
    )
    address = desc.network.bootstrapper
    cloudconfig = Subject(
        "cloudconfig", server=True, names=(f"bootstrapper.{desc.cluster.domain}",), addresses=(address,)
    )
    registry = Subject(
        "registry",
        server=True,
        names=tuple(sorted({desc.registry.domain, "localhost"})),
        addresses=(address, IPv4Address("127.0.0.1")),
    )
    authorities = _authorities(kept, desc, now)
    return Secrets(
        authority=authority,
        cloudconfig=kept.server("cloudconfig", authority, cloudconfig, now),
        registry=kept.server("registry", authority, registry, now),
        operator_token=kept.text("operator-token", _token),
        push_htpasswd=f"{PUSH_USER}:{hashed}\n",
        registry_http_secret=kept.text("registry-http-secret", _token),
        report_tokens={node.mac: kept.text(f"report-tokens/{node.mac.dashed}", _token) for node in desc.nodes},
        etcd_authority=authorities.get(Authority.ETCD),
        kubernetes=_kubernetes(kept, authorities, now) if desc.kubernetes is not None else None,
        node_keys={
            node.mac: {
                spec.name: kept.pair(node_key_path(node.mac, spec.name), authorities[spec.authority], spec.subject, now)
                for spec in key_specs(desc, node)
            }
            for node in desc.nodes
        },
    )


def node_key_path(mac: Mac, name: str) -> str:
    """Where a machine's key lies below `pki/`, without the ending."""
    return f"nodes/{mac.dashed}/{name}"


def _authorities(kept: SecretStore, desc: ClusterDesc, now: datetime) -> dict[Authority, KeyPair]:
    name = f"kboot {desc.cluster.name}"
    found = {}
    if desc.etcd_members:
        found[Authority.ETCD] = kept.authority(Authority.ETCD, f"{name} etcd CA", now)
    if desc.kubernetes is not None:
        found[Authority.KUBERNETES] = kept.authority(Authority.KUBERNETES, f"{name} Kubernetes CA", now)
        found[Authority.FRONT_PROXY] = kept.authority(Authority.FRONT_PROXY, f"{name} front proxy CA", now)
    return found


def _kubernetes(
    kept: SecretStore, authorities: Mapping[Authority, KeyPair], now: datetime
) -> KubernetesSecrets:
    client = status_client()
    return KubernetesSecrets(
        authority=authorities[Authority.KUBERNETES],
        front_proxy_authority=authorities[Authority.FRONT_PROXY],
        service_account=kept.signing_pair("service-account"),
        encryption_key=kept.text("encryption-key", lambda: b64encode(secrets.token_bytes(32)).decode()),
        status_client=kept.server(client.name, authorities[client.authority], client.subject, now),
    )


def _token() -> str:
    return secrets.token_urlsafe(32)
