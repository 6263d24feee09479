"""An API server and an etcd as far as kboot asks them: over TLS on loopback, with answers that tests choose."""

from __future__ import annotations

import json
import os
import random
import ssl
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kboot.pki import KeyPair

Answer = tuple[int, bytes]


def own_loopback() -> str:
    """The first three numbers of loopback addresses for one test: its ports are the real ones, and others test here.

    Each process of a run has its own: a server of two that were given one address would answer for the other.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    return f"127.{64 + 8 * process + random.randrange(8)}.{random.randrange(256)}"


def api_node(name: str, *, ready: str = "True") -> dict[str, Any]:
    """A node as an API server shows it, shortened: `ready` is the status of its condition Ready."""
    why = {
        "True": ("KubeletReady", "kubelet is posting ready status"),
        "False": ("KubeletNotReady", "container runtime network not ready"),
        "Unknown": ("NodeStatusUnknown", "Kubelet stopped posting node status."),
    }
    at = "2026-11-25T09:00:00Z"
    conditions = [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": at,
            "lastTransitionTime": at,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in (
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("Ready", ready, *why[ready]),
        )
    ]
    return {
        "metadata": {"name": name, "uid": "4d1f", "creationTimestamp": at, "labels": {"kubernetes.io/os": "linux"}},
        "spec": {"podCIDR": "10.1.0.0/24", "taints": None},
        "status": {
            "capacity": {"cpu": "2", "memory": "2035672Ki", "pods": "110"},
            "conditions": conditions,
            "addresses": [{"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {"kubeletVersion": "v1.36.2", "containerRuntimeVersion": "containerd://1.6.20"},
            "images": [{"names": ["registry.example.com/pause:3.10"], "sizeBytes": 1}],
        },
    }


def node_list(nodes: list[dict[str, Any]], more: str = "") -> dict[str, Any]:
    """One page of a list of nodes."""
    metadata = {"resourceVersion": "10"} | ({"continue": more, "remainingItemCount": 1} if more else {})
    return {"kind": "NodeList", "apiVersion": "v1", "metadata": metadata, "items": nodes}


def node_pages(nodes: list[dict[str, Any]], page_size: int) -> Callable[[str], Answer]:
    """Answers to `/api/v1/nodes`, `page_size` nodes at a time."""

    def answer(path: str) -> Answer:
        query = parse_qs(urlsplit(path).query)
        if urlsplit(path).path != "/api/v1/nodes" or "limit" not in query:
            return 404, b'{"kind": "Status", "code": 404}'
        start = int(query.get("continue", ["0"])[0])
        end = start + page_size
        page = node_list(nodes[start:end], str(end) if end < len(nodes) else "")
        return 200, json.dumps(page).encode()

    return answer


def client_pair(authority: KeyPair, common_name: str, now: datetime) -> KeyPair:
    """A client certificate of `authority`."""
    key, signer = ec.generate_private_key(ec.SECP256R1()), load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(x509.load_pem_x509_certificate(authority.certificate).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signer, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(certificate.public_bytes(Encoding.PEM), pem)


def write_pair(folder: Path, name: str, pair: KeyPair) -> None:
    """The pair as `name.pem` and `name.key`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pem").write_bytes(pair.certificate)
    (folder / f"{name}.key").write_bytes(pair.key)


class _Https(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """The handshake is the answering thread's, so that one bad client holds up no other."""
        with self.context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: a client that is refused or goes away is what tests are about."""


class TlsServer:
    """A server with the certificate `pair`; with `clients` it asks for a certificate of that authority."""

    def __init__(
        self,
        address: tuple[str, int],
        pair: KeyPair,
        folder: Path,
        answer: Callable[[str], Answer],
        clients: bytes = b"",
        changes: Callable[[str, str, bytes], Answer] | None = None,
    ) -> None:
        self.answer = answer
        self._changes = changes  # answers everything instead, by method, path and body
        self.asked: list[str] = []
        self._address = address
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        write_pair(folder, "far-side", pair)
        self._context.load_cert_chain(folder / "far-side.pem", folder / "far-side.key")
        if clients:
            self._context.load_verify_locations(cadata=clients.decode())
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._https: _Https | None = None

    def start(self) -> None:
        """Listen."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self, given: bytes = b"") -> None:
                outer.asked.append(self.path)
                changes = outer._changes
                status, body = changes(self.command, self.path, given) if changes else outer.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET(self.rfile.read(int(self.headers["Content-Length"])))

            do_PATCH = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: tests read what was asked from `asked`."""

        self._https = _Https(self._address, Handler)
        self._https.context = self._context
        threading.Thread(target=self._https.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._https is not None
        return self._https.server_port

    def stop(self) -> None:
        """Answer no more; nothing listens there then."""
        if self._https is not None:
            self._https.shutdown()
            self._https.server_close()
            self._https = None
