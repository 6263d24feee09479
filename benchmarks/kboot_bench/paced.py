"""Sends each request once, evenly over a time, from its own address by a connection of its own; prints waits as JSON.

Requests come on standard input, a line of JSON each. A wait is counted from when a request was due: what was held up by
the one before has waited, too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kboot_bench.figures import percentile


@dataclass(frozen=True, slots=True)
class Sent:
    """A request of one machine."""

    address: str
    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The line of JSON that `sent_from` reads."""
        return json.dumps(asdict(self))


def sent_from(line: str) -> Sent:
    """Return the request of a line."""
    return Sent(**json.loads(line))


def due_s(count: int, seconds: float) -> list[float]:
    """Return when each of so many requests is due, in seconds after the first."""
    return [number * seconds / count for number in range(count)]


def send(requests: Sequence[Sent], options: argparse.Namespace) -> dict[str, float]:
    """Send all, and return percentiles of the waits in milliseconds."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    took_ms: list[float] = []
    begin = time.monotonic()
    for request, after_s in zip(requests, due_s(len(requests), options.seconds), strict=True):
        if (ahead := begin + after_s - time.monotonic()) > 0:
            time.sleep(ahead)  # noqa: TID251 - a pace, not a wait for a condition
        _ask(request, options, context)
        took_ms.append((time.monotonic() - begin - after_s) * 1000)
    return {"p50": percentile(took_ms, 0.5), "p99": percentile(took_ms, 0.99), "most": max(took_ms)}


def _ask(request: Sent, options: argparse.Namespace, context: ssl.SSLContext) -> None:
    where, source = (options.host, options.port), (request.address, 0)
    connection = (
        http.client.HTTPSConnection(*where, timeout=30, source_address=source, context=context)
        if options.tls
        else http.client.HTTPConnection(*where, timeout=30, source_address=source)
    )
    try:
        connection.request("POST", request.path, request.body, request.headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status not in (200, 204):
        raise SystemExit(f"{request.path}: {answer.status} {body[:200]!r}")


def main() -> None:
    """Send what standard input has, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    print(json.dumps(send([sent_from(line) for line in sys.stdin], parser.parse_args())))


if __name__ == "__main__":
    main()
