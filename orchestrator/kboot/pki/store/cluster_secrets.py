"""Makes the secrets of a cluster once, and reads the same bytes ever after."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

import bcrypt

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node, joined
from kboot_compose.service_names import SERVICE_NAMES

from ..key_pair import KeyPair
from ..lifetimes import MACHINE_LIFE, OWN_RENEWED_BEFORE, SERVER_LIFE
from ..node_keys import Authority, key_specs, own_specs
from ..secrets import PUSH_USER, KubernetesSecrets, Secrets
from .report_tokens import report_tokens
from .secret_store import SecretStore


def load_or_create(
    folder: ClusterFolder, desc: ClusterDesc, now: datetime, in_force: ClusterFolder | None = None
) -> Secrets:
    """Return the secrets in `folder`: missing ones are made, and those that no longer fit the description made anew.

    Authorities are made once. The bootstrapper's own certificates are renewed before their end. Those of machines are
    left to `kboot certs renew`, since a machine whose certificate was renewed here would run an outdated config.
    What is `in_force` lies in `folder` too, but where that has a copy of the secrets alone.
    """
    kept = SecretStore(folder)
    push_password = kept.text("registry-push-password", _token)
    # The fewest rounds: nobody guesses a random token, and the registry hashes it anew at each request of a push.
    hashed = kept.text("registry-push-hash", lambda: bcrypt.hashpw(push_password.encode(), bcrypt.gensalt(4)).decode())
    authorities = load_authorities(kept, desc, now)
    own = {
        spec.name: kept.leaf(spec.name, authorities[spec.authority], spec.subject, now, SERVER_LIFE, OWN_RENEWED_BEFORE)
        for spec in own_specs(desc)
    }

    def keys_of(node: Node) -> dict[str, KeyPair]:
        return {
            spec.name: kept.leaf(
                node_key_path(node.mac, spec.name), authorities[spec.authority], spec.subject, now, MACHINE_LIFE
            )
            for spec in key_specs(desc, node)
        }

    with kept.together():
        tokens = report_tokens(kept, desc, in_force or folder)
        node_keys = {node.mac: keys_of(node) for node in desc.nodes}
    return Secrets(
        authority=authorities[Authority.CLUSTER],
        servers={name: pair for name, pair in own.items() if name in SERVICE_NAMES},
        operator_token=kept.text("operator-token", _token),
        push_htpasswd=f"{PUSH_USER}:{hashed}\n",
        registry_http_secret=kept.text("registry-http-secret", _token),
        report_tokens=tokens,
        etcd_authority=authorities.get(Authority.ETCD),
        etcd_status_client=own.get("etcd-status-client"),
        kubernetes=_kubernetes(kept, authorities, own) if desc.kubernetes is not None else None,
        node_keys=node_keys,
        join_seed=kept.text(joined.SEED_FILE, lambda: secrets.token_hex(32)) if desc.lets_machines_join else None,
    )


def load_authorities(kept: SecretStore, desc: ClusterDesc, now: datetime) -> dict[Authority, KeyPair]:
    """Return the authorities that the cluster needs; missing ones are made and kept."""
    names = {Authority.CLUSTER: "kboot cluster CA"}
    if desc.etcd_members:
        names[Authority.ETCD] = "kboot etcd CA"
    if desc.kubernetes is not None:
        names |= {Authority.KUBERNETES: "kboot Kubernetes CA", Authority.FRONT_PROXY: "kboot front proxy CA"}
    return {each: kept.authority(each, name, desc.cluster.name, now) for each, name in names.items()}


def node_key_path(mac: Mac, name: str) -> str:
    """Return where a machine's key lies below `pki/`, without the ending."""
    return f"nodes/{mac.dashed}/{name}"


def _kubernetes(
    kept: SecretStore, authorities: Mapping[Authority, KeyPair], own: Mapping[str, KeyPair]
) -> KubernetesSecrets:
    return KubernetesSecrets(
        authority=authorities[Authority.KUBERNETES],
        front_proxy_authority=authorities[Authority.FRONT_PROXY],
        service_account=kept.signing_pair("service-account"),
        encryption_key=kept.text("encryption-key", lambda: b64encode(secrets.token_bytes(32)).decode()),
        status_client=own["status-client"],
    )


def _token() -> str:
    return secrets.token_urlsafe(32)
