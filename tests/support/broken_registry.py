"""A registry that takes every push and may then not have it, as one did after a garbage collection.

https://github.com/distribution/distribution/issues/3743. What it holds lies in memory.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.image_archives import digest_of

_MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<tag>.+)")
_BLOB = re.compile(r"/v2/.+/blobs/(?P<digest>sha256:.+)")
_DIGEST = re.compile(r"[?&]digest=(sha256(?::|%3A)[0-9a-f]+)")


class BrokenRegistry:
    """Sound as long as nothing is asked of it to break."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.lost_repositories: set[str] = set()  # every manifest of theirs answers 404
        self.lost_manifests: set[str] = set()  # those of these digests answer 404; by tag they are there
        self.lost_blobs: set[str] = set()
        self.cut_blobs: set[str] = set()  # one byte is gone
        self.broken_off_blobs: set[str] = set()  # the connection ends amid them
        self.answers_uploads = threading.Event()
        self.answers_uploads.set()
        self.is_stale = False  # it takes a manifest and keeps the older one

    def manifest(self, repository: str, tag: str) -> tuple[str, bytes] | None:
        """Type and bytes."""
        is_lost = repository in self.lost_repositories or tag in self.lost_manifests
        return None if is_lost else self.manifests.get((repository, tag))

    def blob(self, digest: str) -> bytes | None:
        """The bytes that are shown for a digest."""
        content = self.blobs.get(digest)
        if content is None or digest in self.lost_blobs:
            return None
        return content[:-1] if digest in self.cut_blobs else content

    def put_manifest(self, repository: str, tag: str, kind: str, content: bytes) -> None:
        """Keep it under its tag and its digest."""
        if self.is_stale:
            return
        self.manifests[repository, tag] = self.manifests[repository, digest_of(content)] = (kind, content)


@contextmanager
def serving(registry: BrokenRegistry, certificate: Path, key: Path, *places: tuple[str, int]) -> Iterator[None]:
    """Serve it over TLS at these addresses; reading and writing at each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = type("Handler", (_Handler,), {"registry": registry})
    with ExitStack() as stack:
        for place in places:
            server = stack.enter_context(ThreadingHTTPServer(place, handler))
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
        yield


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: BrokenRegistry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        manifest, blob = _MANIFEST.fullmatch(self.path), _BLOB.fullmatch(self.path)
        if self.path == "/v2/":
            self._answer(200, b"{}")
        elif manifest and (found := self.registry.manifest(manifest["repository"], manifest["tag"])):
            self._answer(200, found[1], {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])})
        elif blob and (content := self.registry.blob(blob["digest"])) is not None:
            sent = len(content) // 2 if blob["digest"] in self.registry.broken_off_blobs else None
            self._answer(200, content, {"Content-Type": "application/octet-stream"}, sent)
        else:
            self._answer(404, b"{}")

    def do_POST(self) -> None:
        self._body()
        self.registry.answers_uploads.wait(60)
        self._answer(202, b"", {"Location": f"{self.path}1", "Docker-Upload-UUID": "1"})

    def do_PATCH(self) -> None:
        content = self._body()
        self.registry.blobs[digest_of(content)] = content
        self._answer(202, b"", {"Location": self.path, "Range": f"0-{len(content) - 1}", "Docker-Upload-UUID": "1"})

    def do_PUT(self) -> None:
        content = self._body()
        manifest, named = _MANIFEST.fullmatch(self.path), _DIGEST.search(self.path)
        if manifest:
            kind = self.headers["Content-Type"]
            self.registry.put_manifest(manifest["repository"], manifest["tag"], kind, content)
            self._answer(201, b"", {"Docker-Content-Digest": digest_of(content)})
        elif named:
            self._answer(201, b"", {"Docker-Content-Digest": named[1].replace("%3A", ":")})
        else:
            self._answer(400, b"{}")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(
        self, code: int, content: bytes, headers: dict[str, str] | None = None, sent: int | None = None
    ) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])
            self.close_connection |= sent is not None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
