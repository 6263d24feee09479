"""A server that dies at any moment: what it has acknowledged is there when it comes back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from .conftest import NODE1, NODE2, Server

_REPORTERS, _ENOUGH = 4, 12


def test_no_report_that_was_acknowledged_is_lost_when_the_server_is_killed(server: Server) -> None:
    tokens = {mac: server.install_token(mac) for mac in (NODE1, NODE2)}
    acknowledged: list[str] = []
    are_enough = threading.Event()

    def report(number: int) -> None:
        mac = (NODE1, NODE2)[number % 2]
        for each in range(_ENOUGH):
            try:
                answer = server.report(mac, "failed", tokens[mac], detail=f"fault {number}.{each}")
            except httpx.TransportError:  # it was killed
                return
            assert answer.status_code == 204
            acknowledged.append(f"fault {number}.{each}")
            if len(acknowledged) >= _ENOUGH:
                are_enough.set()

    with ThreadPoolExecutor(_REPORTERS) as pool:
        reports = [pool.submit(report, number) for number in range(_REPORTERS)]
        assert are_enough.wait(120)
        server.stop(kill=True)
        for each in reports:
            each.result()
    server.start()
    told = {event.get("detail") for event in server.events()}
    assert set(acknowledged) - told == set()


def test_an_install_that_was_acknowledged_disarms_whatever_kills_the_server(server: Server) -> None:
    server.install(NODE1)
    server.stop(kill=True)
    server.start()
    assert (server.node(NODE1)["armed"], server.node(NODE1)["phase"]) == (False, "installed")
