"""A server that nobody asks for anything rests: told by how often it wakes, never by how long it works."""

from __future__ import annotations

import re
from pathlib import Path

from kboot.host.waiting import looks

from .conftest import Server

_SECONDS = 4
_WAKES_A_SECOND = 6  # it looks once a second at all that it looks at; uvicorn's own loops look ten times


def _wakes(server: Server) -> int:
    """How often the server's first thread has waited so far."""
    status = Path(f"/proc/{server.server_pid()}/status").read_text()
    found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.MULTILINE)
    assert found
    return int(found[1])


def test_a_server_that_nobody_asks_wakes_a_few_times_a_second(server: Server) -> None:
    server.stop()
    server.start(KBOOT_KUBERNETES_EVERY_S="60")
    seen = [_wakes(server) for _ in looks(_SECONDS, _SECONDS)]
    assert (seen[-1] - seen[0]) / _SECONDS < _WAKES_A_SECOND
