"""Parts that hand out the OS image: how fast, at what price, beside what waiting of small requests, in what memory."""

from __future__ import annotations

import json
import subprocess

from .figures import Figure, Part
from .load import probed, sink_command, sunk
from .rack import IMAGE_PATH
from .servers import Server
from .session import Session, Window, column, say
from .small import config_request, prepare

_FEW, _SLOW = 3, 600
_KINDS = (
    ("1 client", 1, "", "", ""),
    ("16 clients", 16, "", ">= 1.0", "<= 1.0"),
    ("64 clients", 64, "", ">= 0.8", "<= 1.25"),
    ("16 clients, a range", 16, "bytes=1048576-", "", ""),
)


def images(session: Session) -> Part:
    """Measure throughput, and the CPU of server, client and kernel, of clients that download the image."""
    figures: list[Figure] = []
    with session.standing(_FEW) as standing:
        for name, connections, wanted_range, most, least in _KINDS:
            say(f"  {name}")
            options = ["--connections", str(connections), "--seconds", str(session.seconds)]
            options += ["--range", wanted_range] if wanted_range else []
            rounds = standing.in_turns(lambda server, more=tuple(options): sunk(server, IMAGE_PATH, *more))  # type: ignore[misc]
            figures += [
                column(rounds, "rate", f"throughput, {name}", "GB/s", wanted=most, per=1e9),
                column(rounds, "cpu_s_per_gb", f"CPU for each GB, {name}", "s", wanted=least),
            ]
    method = (
        f"One image of {session.image_mb} MB in the page cache, windows of {session.seconds} s; each client has an"
        " address of its own and drops the bytes in the kernel. CPU is that of server, client and the kernel's network"
        " threads together."
    )
    return Part("images", "OS images", method, tuple(figures))


def memory(session: Session) -> Part:
    """Measure the memory of each server while many slow readers have the image on its way."""
    slow = ["--first", "1000", "--rate", "30e6", "--piece-bytes", "8192", "--receive-bytes", "65536", "--seconds", "8"]
    rounds: list[dict[str, Window]] = []
    with session.standing(_FEW) as standing:
        found: dict[str, Window] = {}
        for server in standing.servers:
            server.wake()
            say(f"  {_SLOW} slow readers of {server.name}")
            before = server.memory_bytes()
            found[server.name] = sunk(server, IMAGE_PATH, "--connections", str(_SLOW), *slow) | {"before": before}
            server.rest()
        rounds.append(found)
    figures = (
        column(rounds, "before", "memory at the start", "MB", per=1e6),
        column(rounds, "memory", f"memory, {_SLOW} slow readers", "MB", per=1e6, wanted="< 150 MB"),
    )
    method = (
        f"{_SLOW} readers, each at an address of its own, take 50 kB a second each. PSS of all processes. One round."
    )
    return Part("memory", "Memory with slow readers", method, figures)


def flow(session: Session, machines: int) -> Part:
    """Measure how long small requests wait, at rest and while a gigabyte a second flows."""
    flowing = ["--connections", "16", "--first", "2", "--rate", "1e9", "--seconds", str(session.seconds * 3)]
    figures: list[Figure] = []
    with session.standing(machines) as standing:

        def still(server: Server) -> Window:
            prepare(standing, server)
            return probed(server, config_request(standing, server), session.seconds * 2) | {"foreign": 0}

        def beside(server: Server) -> Window:
            prepare(standing, server)
            command = sink_command(server, IMAGE_PATH, *flowing)
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sink:
                try:
                    found = probed(server, config_request(standing, server), session.seconds * 3)
                    said = json.loads(sink.communicate()[0])
                finally:
                    sink.kill()
            return found | {"flow": said["bytes"] / said["seconds"], "foreign": said["foreign"]}

        for name, measure, wanted in (("at rest", still, ""), ("while 1 GB/s flows", beside, "<= 2")):
            say(f"  node config {name}")
            rounds = standing.in_turns(measure)
            figures += [
                column(rounds, "p50", f"node config over TLS {name}, p50", "ms"),
                column(rounds, "p99", f"node config over TLS {name}, p99", "ms", wanted=wanted),
            ]
        figures.append(column(rounds, "flow", "images meanwhile", "GB/s", per=1e9))
    method = (
        f"The node config of one of {machines} machines, asked for 100 times a second over one kept TLS connection;"
        " meanwhile 16 clients take 1 GB/s of the image together."
    )
    return Part("flow", "Small requests beside images", method, tuple(figures))
