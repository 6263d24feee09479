"""The certificates of a cluster as OpenSSL verifies them, and as both ends of a connection do."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot.pki import key_specs
from kboot.pki.certificate import read_certificate
from kboot.pki.node_keys import Authority, KeySpec, own_specs
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder
from support.certificates import refusal, shown
from unit.clusterdesc.sample import SAMPLE, accepted

NOW = datetime.now(UTC)
DESC = accepted(SAMPLE)
LEAVES = [
    *((f"nodes/{node.mac.dashed}/{spec.name}", spec) for node in DESC.nodes for spec in key_specs(DESC, node)),
    *((spec.name, spec) for spec in own_specs(DESC)),
]
CONTROL_PLANE = "nodes/00-25-90-c0-f7-80"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one cluster's secrets."""
    folder = ClusterFolder(tmp_path_factory.mktemp("root"), "ail")
    load_or_create(folder, DESC, NOW)
    return folder.pki


@pytest.mark.parametrize(("name", "spec"), LEAVES, ids=[name for name, _ in LEAVES])
def test_a_certificate_is_good_for_its_purpose_and_its_names_until_its_end(pki: Path, name: str, spec: KeySpec) -> None:
    leaf, authority = pki / f"{name}.pem", pki / f"{spec.authority}.pem"
    life = timedelta(days=730 if "/" not in name else 365)
    good = [purpose for purpose, has in (("sslserver", spec.subject.server), ("sslclient", spec.subject.client)) if has]
    for purpose in ("sslserver", "sslclient"):
        assert (refusal(leaf, authority, purpose, NOW) == "") == (purpose in good), purpose
    for purpose in good:
        assert refusal(leaf, authority, purpose, NOW - timedelta(hours=23)) == ""
        assert refusal(leaf, authority, purpose, NOW + life - timedelta(hours=1)) == ""
        assert "not yet valid" in refusal(leaf, authority, purpose, NOW - timedelta(hours=25))
        assert "has expired" in refusal(leaf, authority, purpose, NOW + life + timedelta(hours=1))
    for host in spec.subject.names:
        assert refusal(leaf, authority, good[0], NOW, "-verify_hostname", host) == ""
    for address in spec.subject.addresses:
        assert refusal(leaf, authority, good[0], NOW, "-verify_ip", str(address)) == ""
    if spec.subject.server:
        assert "hostname mismatch" in refusal(leaf, authority, good[0], NOW, "-verify_hostname", "other.example.com")
        assert "IP address mismatch" in refusal(leaf, authority, good[0], NOW, "-verify_ip", "192.0.2.1")
    for other in Authority:
        if other is not spec.authority:
            assert refusal(leaf, pki / f"{other}.pem", good[0], NOW) != ""
    groups = "".join(f"O = {group}, " for group in spec.subject.groups)
    said = shown(leaf, "-subject", "-nameopt", "sep_comma_plus_space,space_eq").strip()
    assert said == f"subject={groups}CN = {spec.subject.common_name}"


@pytest.mark.parametrize("authority", list(Authority))
def test_an_authority_is_a_root_for_ten_years_that_makes_no_further_authority(pki: Path, authority: Authority) -> None:
    path = pki / f"{authority}.pem"
    assert refusal(path, path, "any", NOW + timedelta(days=3649)) == ""
    assert "has expired" in refusal(path, path, "any", NOW + timedelta(days=3651))
    extensions = shown(path, "-ext", "basicConstraints,keyUsage")
    assert "CA:TRUE, pathlen:0" in extensions
    assert "Certificate Sign, CRL Sign" in extensions
    assert "O = ail" in shown(path, "-subject", "-nameopt", "sep_comma_plus_space,space_eq")


class Handshakes:
    """A server that asks for a client's certificate of `authority`, and says who came."""

    def __init__(self, pki: Path, name: str, authority: str) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
        self._context.load_verify_locations(pki / f"{authority}.pem")
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(raw, server_side=True) as connection:
                    shown_by_client = connection.getpeercert(binary_form=True)
                    assert shown_by_client is not None
                    pem = ssl.DER_cert_to_PEM_cert(shown_by_client).encode()
                    connection.sendall(read_certificate(pem).subject.common_name.encode())
            except (ssl.SSLError, ConnectionError):
                continue

    def close(self) -> None:
        """Take no more."""
        self._listener.close()


def answer(pki: Path, port: int, authority: str, client: str | None, host: str) -> str:
    """What the server says to `client`, which trusts `authority` and expects `host`."""
    context = ssl.create_default_context(cafile=str(pki / f"{authority}.pem"))
    if client is not None:
        context.load_cert_chain(pki / f"{client}.pem", pki / f"{client}.key")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as connection,
    ):
        return connection.recv(1000).decode()


@pytest.mark.parametrize(
    ("server", "authority", "client", "host", "who"),
    [
        ("apiserver", "kubernetes-ca", "kubelet-client", "api.ail.example.com", "system:node:node1"),
        ("apiserver", "kubernetes-ca", "scheduler", "127.0.0.1", "system:kube-scheduler"),
        ("apiserver", "kubernetes-ca", "controller-manager", "10.100.0.1", "system:kube-controller-manager"),
        ("kubelet-server", "kubernetes-ca", "kubelet-client", "10.10.14.201", "system:node:node1"),
        ("etcd-server", "etcd-ca", "apiserver-etcd-client", "localhost", "kube-apiserver-node1"),
        ("etcd-server", "etcd-ca", "etcd-server", "node1", "node1"),
        ("etcd-peer", "etcd-ca", "etcd-peer", "10.10.14.201", "node1"),
    ],
)
def test_both_ends_of_a_connection_know_each_other_and_no_stranger(
    pki: Path, server: str, authority: str, client: str, host: str, who: str
) -> None:
    handshakes = Handshakes(pki, f"{CONTROL_PLANE}/{server}", authority)
    try:
        assert answer(pki, handshakes.port, authority, f"{CONTROL_PLANE}/{client}", host) == who
        stranger = "front-proxy-client"  # of an authority that neither of these trusts
        for wrong in (f"{CONTROL_PLANE}/{stranger}", f"{CONTROL_PLANE}/apiserver", None):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                answer(pki, handshakes.port, authority, wrong, host)
        with pytest.raises(ssl.SSLCertVerificationError):
            answer(pki, handshakes.port, "cluster-ca", f"{CONTROL_PLANE}/{client}", host)
        with pytest.raises(ssl.SSLCertVerificationError):
            answer(pki, handshakes.port, authority, f"{CONTROL_PLANE}/{client}", "other.example.com")
    finally:
        handshakes.close()
