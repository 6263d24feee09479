"""Asks for one path at a steady pace over one kept connection, and prints how long each answer took, as JSON.

A request whose time had passed before it could be sent is counted as late: with many of those the percentiles are
better than the truth.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kboot_bench.figures import percentile


class Connection:
    """A kept connection; one that the server has closed is made again."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._open()

    def ask(self, request: bytes) -> int:
        """Return the status of an answer that has come whole."""
        self._socket.sendall(request)
        line = self._answers.readline()
        if not line:
            self._open()
            self._socket.sendall(request)
            line = self._answers.readline()
        length = 0
        while (header := self._answers.readline().lower()) not in (b"\r\n", b""):
            if header.startswith(b"content-length:"):
                length = int(header[15:])
        self._answers.read(length)
        return int(line.split()[1])

    def _open(self) -> None:
        sock = socket.create_connection((self._options.host, self._options.port), timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._options.tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        self._socket, self._answers = sock, sock.makefile("rb")


def probe(options: argparse.Namespace) -> dict[str, float]:
    """Ask for the time that was given, and return percentiles in milliseconds."""
    token = f"Authorization: {options.token}\r\n" if options.token else ""
    request = f"GET {options.path} HTTP/1.1\r\nHost: {options.host}\r\n{token}\r\n".encode()
    connection = Connection(options)
    took_ms: list[float] = []
    late, begin = 0, time.monotonic()
    count = int(options.seconds * options.rate)
    for number in range(count):
        due = begin + number / options.rate
        if (ahead := due - time.monotonic()) > 0:
            time.sleep(ahead)  # noqa: TID251 - a pace, not a wait for a condition
        elif ahead < -0.5 / options.rate:
            late += 1
        sent = time.monotonic()
        status = connection.ask(request)
        if status != 200:
            raise SystemExit(f"{options.path}: {status}")
        took_ms.append((time.monotonic() - sent) * 1000)
    return {
        "p50": percentile(took_ms, 0.5),
        "p99": percentile(took_ms, 0.99),
        "most": max(took_ms),
        "late": late / count,
    }


def main() -> None:
    """Probe, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--token", default="", help="the whole Authorization header")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10)
    print(json.dumps(probe(parser.parse_args())))


if __name__ == "__main__":
    main()
