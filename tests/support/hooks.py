"""A receiver of events on loopback, which may be away, refuse, or never answer."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kboot.host.waiting import looks


@dataclass(frozen=True)
class Taken:
    """A request that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in it."""
        found: list[dict[str, Any]] = json.loads(self.body)["events"]
        return found


class Hook:
    """It answers with `status`, or not at all while `is_stuck`; what it was told with a 2xx is in `taken`."""

    def __init__(self, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self.taken: list[Taken] = []
        self.tries = 0
        self.status = 204
        self.is_stuck = False
        self._freed = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.tries += 1
                if hook.is_stuck:
                    hook._freed.wait(60)
                if hook.status < 300:
                    hook.taken.append(Taken({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events that it was told of."""
        return [event for taken in self.taken for event in taken.events]

    def wait_kinds(self, *kinds: str, timeout_s: float = 20) -> list[dict[str, Any]]:
        """Wait until it was told of an event of each kind; the events."""
        for _ in looks(timeout_s, 0.05):
            if set(kinds) <= {event["kind"] for event in self.events}:
                return self.events
        raise AssertionError(f"not told of {kinds}: {self.events}")

    def close(self) -> None:
        """Go away."""
        self._freed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
