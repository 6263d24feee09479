"""What a cluster keeps secret, as values; pki/store/ makes and keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kboot_clusterdesc import Mac

from .key_pair import KeyPair

PUSH_USER = "kboot"


@dataclass(frozen=True, slots=True)
class KubernetesSecrets:
    """The secrets of a cluster's Kubernetes beside the keys of single machines."""

    authority: KeyPair  # of the API: its servers, kubelets, operators
    front_proxy_authority: KeyPair
    service_account: KeyPair  # `certificate` is the public key
    encryption_key: str  # of secrets at rest: 32 bytes, base64
    status_client: KeyPair  # the cloud-config server's: CN kboot-status, may read and drain nodes


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys, certificates and tokens of one cluster; a render is a pure function of them and the description."""

    authority: KeyPair
    servers: Mapping[str, KeyPair]  # of each service that is called over TLS, by its name
    operator_token: str
    push_htpasswd: str
    registry_http_secret: str
    report_tokens: dict[Mac, str]
    etcd_authority: KeyPair | None = None  # where a node keeps etcd, as the next
    etcd_status_client: KeyPair | None = None  # the cloud-config server's, which asks members how they are
    kubernetes: KubernetesSecrets | None = None
    node_keys: Mapping[Mac, Mapping[str, KeyPair]] = field(default_factory=dict)  # see pki/node_keys.py
    join_seed: str | None = None  # of the tokens of undeclared machines, where they may join: 32 bytes, hex
