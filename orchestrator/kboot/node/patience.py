"""How long the parts of a cluster wait for each other, for real iron and for machines that are emulated."""

from __future__ import annotations

from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.model import Timing


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, unless the name says otherwise. Normal values are those of kubeadm and etcd."""

    etcd_heartbeat_ms: int = 100
    etcd_election_ms: int = 1000
    lease_s: int = 15  # leader election of controller manager and scheduler
    renew_s: int = 10
    retry_s: int = 2
    probe_timeout_s: int = 15
    probe_failures: int = 8
    startup_failures: int = 24  # ten seconds each
    etcd_check_s: int = 2
    storage_start_s: int = 60
    node_grace_s: int = 50
    node_lease_s: int = 40
    runtime_request_s: int = 120
    pull_progress_s: int = 300
    api_idle_s: int = 10  # how long a client hears nothing of its API server before it asks, and then waits for a word:
    api_ping_s: int = 10  # with the dials after it less than node_grace_s, or nodes are lost with a control plane
    checks_manifests: bool = True  # the operator's own, against the API's schema
    watch_cache: bool = True  # of the API server: it takes longer to fill than the server's own start may last
    mutating_policies: bool = True  # each start of the API server builds its whole schema for them
    every_etcd_member: bool = True  # asked by each API server: hundreds of TLS handshakes a member, at its start


_SLOW = Patience(
    etcd_heartbeat_ms=1000,
    etcd_election_ms=10_000,
    lease_s=120,
    renew_s=90,
    retry_s=10,
    probe_timeout_s=60,
    probe_failures=20,
    startup_failures=180,
    etcd_check_s=20,
    storage_start_s=300,
    node_grace_s=180,
    node_lease_s=120,
    runtime_request_s=900,
    pull_progress_s=1200,
    api_idle_s=30,
    api_ping_s=30,
    checks_manifests=False,
    watch_cache=False,
    mutating_policies=False,
    every_etcd_member=False,
)


def patience_of(desc: ClusterDesc) -> Patience:
    """The values that `timing` asks for."""
    return _SLOW if desc.timing is Timing.SLOW else Patience()
