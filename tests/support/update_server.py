"""An Omaha server of the simplest kind with payloads beside it: it answers as told, and keeps what it was asked."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from defusedxml.ElementTree import fromstring

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
NOTHING = b'<response protocol="3.0"><app appid="x" status="ok"><updatecheck status="noupdate"/></app></response>'


@dataclass(slots=True)
class UpdateServer:
    """What it answers, and what it was asked."""

    address: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)  # to checks, one after the other; then nothing new
    files: dict[str, bytes] = field(default_factory=dict)
    breaks_after: list[int] = field(default_factory=list)  # bytes; a download each
    asked: list[str] = field(default_factory=list)  # bodies of requests
    got: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of downloads

    @property
    def url(self) -> str:
        """Where requests go to."""
        return f"http://{self.address}/v1/update/"

    def offer(self, version: str, payload: bytes, **changes: str) -> None:
        """Answer the next check with this payload; `changes` are attributes of the package or the action."""
        self.files["/flatcar_production_update.gz"] = payload
        self.answers.append((200, offered(self.address, version, payload, **changes)))

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """Type, result and code of each event that was told; no code is an empty one."""
        found = [event for body in self.asked for event in fromstring(body.encode()).iter("event")]
        return [(each.attrib["eventtype"], each.attrib["eventresult"], each.get("errorcode", "")) for each in found]

    def attribute(self, number: int, path: str, name: str) -> str:
        """The value of an attribute in a request."""
        part = fromstring(self.asked[number].encode()).find(path)
        assert part is not None, self.asked[number]
        return part.attrib[name]


def offered(address: str, version: str, payload: bytes, **changes: str) -> bytes:
    """An answer that offers a payload."""
    package = {"name": "flatcar_production_update.gz", "size": str(len(payload)), "required": "true"}
    action = {"event": "postinstall", "sha256": base64.b64encode(sha256(payload).digest()).decode()}
    action["DisablePayloadBackoff"] = "true"
    for name, value in changes.items():
        (package if name in package else action)[name] = value
    return (
        f'<response protocol="3.0" server="test"><app appid="{APP}" status="ok"><updatecheck status="ok">'
        f'<urls><url codebase="http://{address}/"/></urls><manifest version="{version}">'
        f"<packages><package {_attributes(package)}/></packages><actions><action {_attributes(action)}/></actions>"
        "</manifest></updatecheck></app></response>"
    ).encode()


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f'{name}="{value}"' for name, value in values.items())


@contextmanager
def update_server() -> Iterator[UpdateServer]:
    """The server, on loopback."""
    told = UpdateServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.asked.append(body)
            status, answer = told.answers.pop(0) if "<updatecheck" in body and told.answers else (200, NOTHING)
            self._send(status, answer)

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            told.got.append((self.path, asked))
            if self.path not in told.files:
                self.send_error(404)
                return
            data = told.files[self.path][int(asked[6:-1]) if asked else 0 :]
            self._send(206 if asked else 200, data, told.breaks_after.pop(0) if told.breaks_after else len(data))

        def _send(self, status: int, data: bytes, sent: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:sent])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
