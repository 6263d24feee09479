"""What stands at an API server's address and is none: a peer on loopback that leaves, waits, or speaks otherwise."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.issue import issue, new_authority
from kboot_cloudconfig.kubernetes_api import ApiFault, client_context, list_nodes
from kboot_clusterdesc.model import API_PORT
from support.kubernetes_api import client_pair, own_loopback, write_pair

Peer = Callable[[socket.socket, ssl.SSLContext], None]


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A folder with what both sides need: the client's pair and authority, the far side's pair."""
    now = datetime.now(UTC)
    authority = new_authority("kubernetes", now)
    write_pair(tmp_path, "status-client", client_pair(authority, "kboot-status", now))
    server = Subject("kube-apiserver", server=True, names=("kubernetes",))
    write_pair(tmp_path, "far-side", issue(authority, server, now, SERVER_LIFE))
    (tmp_path / "kubernetes-ca.pem").write_bytes(authority.certificate)
    return tmp_path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket at the API's port of an address that no other test has."""
    with closing(socket.create_server((f"{own_loopback()}.11", API_PORT))) as made:
        yield made


def _leave(peer: socket.socket, context: ssl.SSLContext) -> None:
    """Close before a word was said."""


def _reset(peer: socket.socket, context: ssl.SSLContext) -> None:
    peer.recv(1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _wait(peer: socket.socket, context: ssl.SSLContext) -> None:
    while peer.recv(4096):
        pass


def _plain_http(peer: socket.socket, context: ssl.SSLContext) -> None:
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    _wait(peer, context)


def _over_tls(answer: bytes) -> Peer:
    def speak(peer: socket.socket, context: ssl.SSLContext) -> None:
        with context.wrap_socket(peer, server_side=True) as wrapped:
            wrapped.recv(4096)
            wrapped.sendall(answer)

    return speak


# A good list, packed: what unpacks that unasked unpacks a gigabyte of zeros too.
_LIST = gzip.compress(b'{"kind": "NodeList", "metadata": {}, "items": []}')
_PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_LIST) + _LIST


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (_leave, "does not answer"),
        (_reset, "does not answer"),
        (_wait, "does not answer"),
        (_plain_http, "does not speak TLS"),
        (_over_tls(b""), "does not answer in HTTP"),
        (_over_tls(b"SSH-2.0-OpenSSH_9.2\r\n"), "does not answer in HTTP"),
        (_over_tls(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "does not answer in HTTP"),
        (_over_tls(_PACKED), "answers with something else than a list of nodes"),
        (_over_tls(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), "answers 302"),
    ],
    ids=["leaves", "resets", "waits", "plain", "silent", "not-http", "breaks-off", "packed", "redirects"],
)
def test_what_is_no_api_server_is_told_by_what_it_does(
    tls: Path, listener: socket.socket, peer: Peer, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # a proxy of the site is not asked
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "far-side.pem", tls / "far-side.key")

    def serve() -> None:
        with suppress(OSError), closing(listener.accept()[0]) as connection:
            peer(connection, context)

    threading.Thread(target=serve, daemon=True).start()
    with pytest.raises(ApiFault) as told:
        asyncio.run(list_nodes(listener.getsockname()[0], client_context(tls)))
    assert str(told.value) == reason
