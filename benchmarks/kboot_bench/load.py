"""The load clients, each a process of its own: wrk for small requests, the sink for images, the probe for waits."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .paced import Sent
from .processes import Clock
from .rack import found_in
from .servers import Server

QUIET = 0.12  # of all processors: what others may take of a window
_TRIES = 3
_HERE = Path(__file__).parent
_LUA = """wrk.method = {method}
wrk.body = {body}
wrk.headers = {headers}
local sent, template = {first}, wrk.body
if template and template:find("%d", 1, true) then
  request = function()
    sent = sent + 1
    return wrk.format(nil, nil, nil, string.format(template, sent))
  end
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("KBOOT %d %d %f %f %d\\n", summary.requests, summary.duration,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@contextmanager
def beside(work: Callable[[], object], a_second: float) -> Iterator[None]:
    """Do some work `a_second` times a second, in a thread, for as long as what stands within lasts."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(1 / a_second):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for again and again."""

    path: str
    tls: bool = False
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""  # `%d` in it is another number each time


def quietest(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return the first of three windows in which others took little of the machine, else the quietest of them."""
    found: list[dict[str, float]] = []
    for _ in range(_TRIES):
        found.append(measure())
        if found[-1]["foreign"] <= QUIET:
            break
    return min(found, key=lambda each: each["foreign"])


def sink_command(server: Server, path: str, *options: str) -> list[str]:
    """Return the command line of a download."""
    where = ["--host", str(server.address), "--port", str(server.ports[0]), "--path", path]
    return [sys.executable, str(_HERE / "sink.py"), *where, *options, "--pids", str(server.pid)]


def sunk(server: Server, path: str, *options: str) -> dict[str, float]:
    """Download for a window, and return its bytes a second, CPU seconds for each GB, and memory."""
    found = _json_of(sink_command(server, path, *options))
    rate = found["bytes"] / found["seconds"]
    per_gb = found["cpu_s"] / (found["bytes"] / 1e9) if found["bytes"] else float("nan")
    return {"rate": rate, "cpu_s_per_gb": per_gb, "memory": found["memory_bytes"], "foreign": found["foreign"]}


def asked(server: Server, request: Request, *, seconds: int, connections: int = 32, tries: int = 2) -> dict[str, float]:
    """Ask by wrk for a window, and return requests a second, CPU microseconds for each, and waiting times in ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        headers = ", ".join(f"[{_lua(name)}] = {_lua(value)}" for name, value in request.headers.items())
        body = _lua(request.body) if request.body else "nil"
        first = time.monotonic_ns() // 1000 % 1_000_000_000  # another one in each window
        script.write(_LUA.format(method=_lua(request.method), body=body, headers="{" + headers + "}", first=first))
        script.flush()
        counts = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
        command = ["wrk", *counts, "-s", script.name, server.url(request.path, tls=request.tls)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
            clock = Clock([server.pid, wrk.pid])
            said = ""
            for line in wrk.stdout or ():
                said += line
                if line.startswith("KBOOT "):
                    break
            taken = clock.taken()
    words = found_in(r"^KBOOT (.*)$", said).split()
    if not words:
        raise SystemExit(f"wrk says nothing of {server.name} {request.path}: {said}")
    count, duration_us, p50, p99, errors = map(float, words)
    if not count and tries:  # a machine that is busy with other things has not even made its connections
        return asked(server, request, seconds=seconds * 2, connections=connections, tries=tries - 1)
    if errors or not count:
        raise SystemExit(f"{server.name}: {request.path}: {errors:.0f} of {count:.0f} requests failed: {said}")
    return {
        "rate": count / duration_us * 1e6,
        "cpu_us": taken.cpu_s / count * 1e6,
        "p50": p50,
        "p99": p99,
        "foreign": taken.foreign,
    }


def _lua(text: str) -> str:
    return json.dumps(text)


def paced(server: Server, requests: Sequence[Sent], seconds: float, *, tls: bool) -> dict[str, float]:
    """Send each request once, evenly over a time, and return the waiting times in ms."""
    where = ["--host", str(server.address), "--port", str(server.ports[tls]), "--seconds", str(seconds)]
    command = [sys.executable, str(_HERE / "paced.py"), *where, *(["--tls"] if tls else [])]
    return _json_of(command, "".join(f"{request.line}\n" for request in requests))


def _json_of(command: list[str], given: str | None = None) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, input=given)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def probed(server: Server, request: Request, seconds: float) -> dict[str, float]:
    """Ask a hundred times a second over one kept connection, and return the waiting times in ms."""
    where = ["--host", str(server.address), "--port", str(server.ports[request.tls]), "--path", request.path]
    token = ["--token", request.headers["Authorization"]] if request.headers else []
    kind = ["--tls"] if request.tls else []
    return _json_of([sys.executable, str(_HERE / "probe.py"), *where, *token, *kind, "--seconds", str(seconds)])
