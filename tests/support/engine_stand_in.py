"""A stand-in for the Docker engine's API on a socket of its own: it holds things with labels, and removes them.

What containers said it tells too, as the engine does: in frames, by stream.
"""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SAID_AT = "2026-01-01T00:00:09.123456789Z"  # when containers said what they said


@dataclass(slots=True)
class Thing:
    """A container, network, volume or image of the engine."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)  # of an image
    used_by: str = ""  # why it cannot be removed
    created: int = 0
    state: str = "running"  # of a container
    said: Sequence[str] = ()  # the lines of its log

    def frames(self, tail: str, *, stamped: bool = False) -> bytes:
        """The last lines of its log, each a frame of its standard error, with the time of each where that is asked."""
        said = self.said if tail == "all" else self.said[-int(tail) :]
        lines = [f"{SAID_AT + ' ' if stamped else ''}{line}\n".encode() for line in said]
        return b"".join(struct.pack(">BxxxL", 2, len(line)) + line for line in lines)

    def as_json(self) -> dict[str, Any]:
        """What the API says of it, of whatever kind it is."""
        return {
            "Id": self.name,
            "Name": self.name,
            "Names": [f"/{self.name}"],
            "Labels": self.labels,
            "RepoTags": self.tags,
            "Config": {"Labels": self.labels},
            "Created": f"2026-01-01T00:00:{self.created:02}Z",
            "State": self.state,
        }


@dataclass(slots=True)
class EngineStandIn:
    """What the engine holds, by kind as the API's paths name them, and what it was asked to remove, in order."""

    socket: Path
    holds: dict[str, list[Thing]] = field(
        default_factory=lambda: {"containers": [], "networks": [], "volumes": [], "images": []}
    )
    removed: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What sends programs here."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def names(self) -> list[str]:
        """The names of all that it holds."""
        return [thing.name for kind in self.holds.values() for thing in kind]

    def answer(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Status and JSON for one request."""
        if path == "/version":
            return 200, {"ApiVersion": "1.43", "Version": "24.0", "Os": "linux", "Arch": "amd64"}
        if path == "/info":
            return 200, {"OSType": "linux", "ServerVersion": "24.0"}
        kind, _, rest = path.strip("/").partition("/")
        if kind not in self.holds:
            return 404, {"message": f"no page {path}"}
        if method == "GET" and rest in ("json", ""):
            wanted = [thing.as_json() | {"Created": thing.created} for thing in self.holds[kind] if _fits(thing, query)]
            return 200, {"Volumes": wanted} if kind == "volumes" else wanted
        name = unquote(rest.removesuffix("/json").removesuffix("/logs"))
        thing = next((each for each in self.holds[kind] if name == each.name or name in each.tags), None)
        if thing is None:
            return 404, {"message": f"No such {kind}: {name}"}
        if method == "GET" and rest.endswith("/logs"):
            return 200, thing.frames(query["tail"][0], stamped=query.get("timestamps") == ["1"])
        if method == "GET":
            return 200, thing.as_json() | {"State": {"Status": thing.state}}
        if method == "DELETE":
            if thing.used_by:
                return 409, {"message": f"conflict: {name} is used by {thing.used_by}"}
            self.holds[kind].remove(thing)
            self.removed.append(thing.name)
            return 200, []
        return 200, {}


def _fits(thing: Thing, query: dict[str, list[str]]) -> bool:
    asked = json.loads(query.get("filters", ["{}"])[0]).get("label", [])
    for label in asked if isinstance(asked, list) else [each for each, is_set in asked.items() if is_set]:
        key, has_value, value = label.partition("=")
        if key not in thing.labels or (has_value and thing.labels[key] != value):
            return False
    return True


@contextmanager
def engine_stand_in(folder: Path) -> Iterator[EngineStandIn]:
    """An engine that holds nothing yet; `folder` has a short path, since that of a socket may have 107 letters."""
    engine = EngineStandIn(folder / "engine.sock")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            url = urlsplit(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = re.sub(r"^/v\d+\.\d+", "", url.path)
            is_ping = path == "/_ping"
            status, body = (200, "OK") if is_ping else engine.answer(self.command, path, parse_qs(url.query))
            is_log = isinstance(body, bytes)
            content = body if isinstance(body, bytes) else b"OK" if is_ping else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Api-Version", "1.43")
            self.send_header(
                "Content-Type", "application/vnd.docker.multiplexed-stream" if is_log else "application/json"
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_DELETE = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingUnixStreamServer(str(engine.socket), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
