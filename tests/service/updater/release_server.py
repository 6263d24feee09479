"""A release server that can be told to misbehave."""

from __future__ import annotations

import re
import shutil
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kboot_clusterdesc import Family, family_of
from service.updater.payloads import publish_payload, signed_payload
from service.updater.signing import SigningKey

NAMES = family_of(Family.FLATCAR)
_RANGE = re.compile(r"bytes=([0-9]+)-")


@dataclass(slots=True)
class Ill:
    """What is wrong with one file, for the next `times` requests (for ever without a number)."""

    times: int | None = None
    status: int | None = None
    page: bytes | None = None
    page_type: str = "text/html; charset=utf-8"
    cut_after: int | None = None
    announced_more: int = 0
    without_length: bool = False
    etag: str | None = None
    hold: threading.Event | None = None  # after `hold_after` bytes the answer stands still until it is set
    hold_after: int = 0
    ignore_range: bool = False


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: a client that goes away is what tests are about."""


@dataclass(slots=True)
class ReleaseServer:
    """A folder over HTTP, with what is wrong and what was asked."""

    folder: Path
    ills: dict[str, Ill] = field(default_factory=dict)
    auth: str | None = None
    sent: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    on_request: Callable[[str], None] | None = None
    with_validator: bool = True
    tls: ssl.SSLContext | None = None
    _http: _Http | None = None

    def start(self) -> None:
        """Listen on loopback."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _answer(outer, self)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: tests read what was asked from `asked`."""

        self._http = _Http(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._http.socket = self.tls.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._http is not None
        return f"127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """What a description gives as `os.release_url`."""
        return f"http{'s' if self.tls else ''}://{self.address}/{{channel}}/{{board}}"

    def release(
        self, version: str, key: SigningKey, *, at: str = "2024-01-05", channel: str = "stable", size: int = 300_000
    ) -> Path:
        """Publish a release of that number, signed."""
        folder = self.folder / channel / "amd64-usr" / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "version.txt").write_text(f'FLATCAR_BUILD=1\nFLATCAR_VERSION={version}\nFLATCAR_BUILD_ID="x"\n')
        for number, name in enumerate(NAMES.release_files[1:]):
            (folder / name).write_bytes(f"{version} {name}\n".encode() + bytes([number + 1]) * size)
        for name in NAMES.release_files:
            key.sign(folder / name, at=at)
        publish_payload(folder, NAMES.payload, signed_payload(f"{version} payload\n".encode() + b"\7" * size))
        return folder

    def set_current(self, version: str, *, channel: str = "stable") -> None:
        """Let the channel stand at a release that is published."""
        board = self.folder / channel / "amd64-usr"
        shutil.rmtree(board / "current", ignore_errors=True)
        shutil.copytree(board / version, board / "current")

    def paths_asked(self) -> list[str]:
        """The files that were asked for, by path from the channel on."""
        return [path for path, _ in self.asked]

    def forget(self) -> None:
        """Count anew."""
        self.asked.clear()
        self.sent.clear()


def published(server: ReleaseServer, key: SigningKey, *versions: str) -> None:
    """Publish the releases; the channel stands at the last."""
    for version in versions:
        server.release(version, key)
        server.set_current(version)


def _ill_of(server: ReleaseServer, path: str) -> Ill:
    ill = next((ill for end, ill in server.ills.items() if path.endswith(end)), None)
    if ill is None or ill.times == 0:
        return Ill()
    if ill.times is not None:
        ill.times -= 1
    return ill


def _answer(server: ReleaseServer, handler: BaseHTTPRequestHandler) -> None:
    path = handler.path
    server.asked.append((path, {name.lower(): value for name, value in handler.headers.items()}))
    if server.on_request is not None:
        server.on_request(path)
    if server.auth is not None and handler.headers.get("Authorization") != server.auth:
        _status(handler, 401)
        return
    ill = _ill_of(server, path)
    file = server.folder / path.lstrip("/")
    if ill.status is not None or (ill.page is None and not file.is_file()):
        _status(handler, ill.status or 404)
        return
    data = ill.page if ill.page is not None else file.read_bytes()
    kind = ill.page_type if ill.page is not None else "application/octet-stream"
    etag = ill.etag or f'"{file.stat().st_mtime_ns:x}-{len(data):x}"' if file.is_file() else '"page"'
    start = 0
    asked = _RANGE.fullmatch(handler.headers.get("Range", ""))
    if asked and not ill.ignore_range and handler.headers.get("If-Range") == etag:
        start = int(asked[1])
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
    else:
        handler.send_response(200)
    handler.send_header("Content-Type", kind)
    if server.with_validator:
        handler.send_header("ETag", etag)
        handler.send_header("Last-Modified", formatdate(usegmt=True))
    if ill.without_length:
        handler.send_header("Connection", "close")
    else:
        handler.send_header("Content-Length", str(len(data) - start + ill.announced_more))
    handler.end_headers()
    _body(server, handler, path, data[start:], ill)


def _body(server: ReleaseServer, handler: BaseHTTPRequestHandler, path: str, data: bytes, ill: Ill) -> None:
    end = len(data) if ill.cut_after is None else ill.cut_after
    first = data[:end] if ill.hold is None else data[: ill.hold_after]
    try:
        handler.wfile.write(first)
        handler.wfile.flush()
        server.sent[path] += len(first)
        if ill.hold is not None and ill.hold.wait(60):
            handler.wfile.write(data[ill.hold_after :])
            server.sent[path] += len(data) - ill.hold_after
    except OSError:
        handler.close_connection = True
    if ill.cut_after is not None or ill.announced_more or ill.without_length or ill.hold is not None:
        handler.close_connection = True


def _status(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
