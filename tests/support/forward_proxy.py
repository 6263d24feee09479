"""A forward proxy on loopback, as sites have them: it alone reaches the server behind it, under whatever name."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(slots=True)
class ForwardProxy:
    """Where it listens, and what it was asked: methods and targets, and who showed which password."""

    address: str
    asked: list[str] = field(default_factory=list)
    credentials: list[str | None] = field(default_factory=list)


@contextmanager
def forward_proxy(behind: str) -> Iterator[ForwardProxy]:
    """A proxy that fetches every http:// target from `behind` (host and port), and opens no tunnel."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._note()
            target = urlsplit(self.path)
            upstream = http.client.HTTPConnection(behind, timeout=10)
            upstream.request("GET", target.path, headers={"Host": target.netloc})
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        def do_CONNECT(self) -> None:
            self._note()
            self.send_error(502)

        def _note(self) -> None:
            proxy.asked.append(f"{self.command} {self.path}")
            proxy.credentials.append(self.headers["Proxy-Authorization"])

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: tests read `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy = ForwardProxy(f"127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
