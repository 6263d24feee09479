"""Secrets that are the same in each run. They are marked, so that a test can look where one went."""

from __future__ import annotations

from base64 import b64encode

from kboot.pki import KeyPair, KubernetesSecrets, Secrets, key_specs
from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import SERVICES

MARK = "fixed-secret"
JOIN_SEED = "5eed" * 16


def fixed_secrets(desc: ClusterDesc) -> Secrets:
    """Secrets of the right form; nothing can be served with them."""
    return Secrets(
        authority=_pair("cluster-ca"),
        servers={service.name: _pair(service.name) for service in SERVICES if service.tls is not None},
        operator_token=f"{MARK}-operator",
        push_htpasswd=f"kboot:$2b$10${MARK}-push\n",
        registry_http_secret=f"{MARK}-registry-http",
        report_tokens={node.mac: f"{MARK}-report-{node.mac.dashed}" for node in desc.nodes},
        etcd_authority=_pair("etcd-ca") if desc.etcd_members else None,
        etcd_status_client=_pair("etcd-status-client") if desc.etcd_members else None,
        kubernetes=_kubernetes() if desc.kubernetes else None,
        node_keys={
            node.mac: {spec.name: _pair(f"{node.mac.dashed}-{spec.name}") for spec in key_specs(desc, node)}
            for node in desc.nodes
        },
        join_seed=JOIN_SEED if desc.lets_machines_join else None,
    )


def _kubernetes() -> KubernetesSecrets:
    return KubernetesSecrets(
        authority=_pair("kubernetes-ca"),
        front_proxy_authority=_pair("front-proxy-ca"),
        service_account=_pair("service-account"),
        encryption_key=b64encode(f"{MARK}-encryption-key-".encode()[:32].ljust(32, b"-")).decode(),
        status_client=_pair("status-client"),
    )


def _pair(name: str) -> KeyPair:
    return KeyPair(_pem("CERTIFICATE", f"the certificate of {name}"), _pem("PRIVATE KEY", f"{MARK}-key-{name}"))


def _pem(kind: str, text: str) -> bytes:
    return f"-----BEGIN {kind}-----\n{b64encode(text.encode()).decode()}\n-----END {kind}-----\n".encode()
