"""What a cluster keeps secret, and the folder it is kept in: made once, the same bytes ever after."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

import bcrypt

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from ..state_folder import write_file
from .authority import KeyPair, new_authority, new_server, serves

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
    """The secrets in `folder`; what is missing is made and kept. A server certificate is made anew when
    its names change or its end is near, the authority never."""
    pki = folder.pki
    for path in (folder.path, pki, pki / "report-tokens"):
        path.mkdir(mode=0o700 if path is not folder.path else 0o755, parents=True, exist_ok=True)
    authority = _kept_pair(pki, "cluster-ca", lambda: new_authority(f"kboot {desc.cluster.name} cluster CA", now))
    push_password = _kept(pki / "registry-push-password", _token)
    hashed = _kept(
        pki / "registry-push-hash", lambda: bcrypt.hashpw(push_password.encode(), bcrypt.gensalt(10)).decode()
    )
    address = desc.network.bootstrapper
    return Secrets(
        authority=authority,
        cloudconfig=_server(pki, "cloudconfig", authority, [f"bootstrapper.{desc.cluster.domain}"], [address], now),
        registry=_server(
            pki,
            "registry",
            authority,
            sorted({desc.registry.domain, "localhost"}),
            [address, IPv4Address("127.0.0.1")],
            now,
        ),
        operator_token=_kept(pki / "operator-token", _token),
        push_htpasswd=f"{PUSH_USER}:{hashed}\n",
        registry_http_secret=_kept(pki / "registry-http-secret", _token),
        report_tokens={node.mac: _kept(pki / "report-tokens" / node.mac.dashed, _token) for node in desc.nodes},
    )


def _server(
    pki: Path, name: str, authority: KeyPair, names: Sequence[str], addresses: Sequence[IPv4Address], now: datetime
) -> KeyPair:
    def fresh() -> KeyPair:
        return new_server(authority, name, names, addresses, now)

    pair = _kept_pair(pki, name, fresh)
    if serves(pair, authority, names, addresses, now):
        return pair
    for suffix in ("pem", "key"):
        (pki / f"{name}.{suffix}").unlink()
    return _kept_pair(pki, name, fresh)


def _kept_pair(pki: Path, name: str, make: Callable[[], KeyPair]) -> KeyPair:
    certificate, key = pki / f"{name}.pem", pki / f"{name}.key"
    if not (certificate.exists() and key.exists()):
        pair = make()
        write_file(key, pair.key, mode=0o600)
        write_file(certificate, pair.certificate)
        return pair
    return KeyPair(certificate.read_bytes(), key.read_bytes())


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_file(path, make().encode(), mode=0o600)
    return path.read_text()


def _token() -> str:
    return secrets.token_urlsafe(32)
