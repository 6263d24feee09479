"""A release server for the lab: a folder over HTTP, with HEAD and Range.

`python3 release_server.py FOLDER --bind ADDRESS --port PORT`. It runs by itself, in a container that has
Python and nothing of kboot, and so imports the standard library only.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_CHUNK_BYTES = 1 << 18


def file_at(root: Path, target: str) -> Path | None:
    """Return the file that a request's target names; None if it is outside of `root`, also by a link."""
    path = unquote(urlsplit(target).path)
    if "\0" in path:
        return None
    found = (root / path.lstrip("/")).resolve()
    return found if found.is_relative_to(root.resolve()) and found.is_file() else None


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and end of the one range in `header`; None for the whole file, ValueError past its end."""
    match = _RANGE.fullmatch((header or "").strip())
    if not match or match[0] == "bytes=-":
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    if start >= end:
        raise ValueError("outside of the file")
    return start, end


class ReleaseServer(ThreadingHTTPServer):
    """Serves `root` until it is shut down."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], root: Path) -> None:
        super().__init__(address, _Answer)
        self.root = root


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: ReleaseServer

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = file_at(self.server.root, self.path)
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as stream:
            stat = os.fstat(stream.fileno())
            tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
            same = self.headers.get("If-Range", tag) == tag
            try:
                part = asked_range(self.headers.get("Range") if same else None, stat.st_size)
            except ValueError:
                self._refuse_range(stat.st_size)
                return
            start, end = part or (0, stat.st_size)
            self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
            if part:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{stat.st_size}")
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(end - start))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Last-Modified", self.date_time_string(int(stat.st_mtime)))
            self.send_header("ETag", tag)
            self.end_headers()
            if with_body:
                self._send(stream, start, end)

    def _refuse_range(self, size: int) -> None:
        self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, stream: BinaryIO, start: int, end: int) -> None:
        stream.seek(start)
        while start < end:
            chunk = stream.read(min(_CHUNK_BYTES, end - start))
            if not chunk:
                self.close_connection = True  # the file shrank: the length promised cannot be kept
                return
            try:
                self.wfile.write(chunk)
            except ConnectionError:
                self.close_connection = True
                return
            start += len(chunk)


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Serve a folder of OS releases over HTTP.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(arguments)
    server = ReleaseServer((options.bind, options.port), options.folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop to end, so it may not be called from the loop's own thread.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"serving {options.folder} at http://{options.bind}:{server.server_port}/", flush=True)
    with server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
