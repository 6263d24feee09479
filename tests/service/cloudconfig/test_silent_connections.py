"""Connections on which nothing is asked: they end, and keep nobody out meanwhile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from support.peers import Peer, closing, descriptors

from .conftest import NODE1, RELEASE, Server

_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Server]:
    """A server that the test starts in its own way."""
    server = Server(tmp_path, "ignition")
    server.lease(NODE1)
    yield server
    server.stop(kill=True)


def _log(server: Server, event: str) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if f'"event": "{event}"' in line]


@pytest.mark.parametrize("stranger", ["127.0.0.66", "127.0.0.1"], ids=["another address", "the same address"])
def test_1200_silent_connections_at_1024_descriptors_keep_nobody_out(made: Server, stranger: str) -> None:
    made.start(descriptors=1024)
    silent: list[Peer] = []
    taken = []
    with descriptors(4000), closing(silent):
        for number in range(1200):
            silent.append(Peer(made.ports[number % 3 == 0], stranger))
            silent[-1].say(_HEAD if number % 3 == 1 else b"")
        for number in range(20):
            begin = time.monotonic()
            assert made.get("/healthz", tls=number % 2 == 0).status_code == 200
            taken.append(time.monotonic() - begin)
        assert statistics.median(taken) < 1
        assert max(taken) < 5
        assert sum(peer.is_cut() for peer in silent) >= 1200 - 1024
    assert len(_log(made, "connections-full")) == 2  # one for each port
    assert "Traceback" not in made.log.read_text()
    assert made.log.stat().st_size < 100_000


def test_what_is_never_asked_whole_is_ended(made: Server) -> None:
    made.start(KBOOT_SILENT_S="2")
    nothing, slow_head, no_handshake, no_body, again = peers = [Peer(made.ports[number == 2]) for number in range(5)]
    post = f"POST /v1/nodes/{NODE1.dashed}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{"
    with closing(peers):
        no_body.say(post.encode())
        again.ask("/healthz")
        assert again.body() == b"ok\n"
        again.say(b"G")  # of a second request, which ends uvicorn's own time-out
        head = iter(_HEAD * 10)
        for _ in looks(15, 0.2):
            slow_head.say(bytes([next(head)]))
            if all(peer.is_cut() for peer in peers):
                break
        assert [peer.is_cut() for peer in (nothing, slow_head, no_handshake, no_body, again)] == [True] * 5
    assert _log(made, "fault") == []


def test_a_stream_of_events_on_which_nothing_happens_is_kept(made: Server) -> None:
    made.start(KBOOT_SILENT_S="0.5", KBOOT_STALLED_S="0.5")
    made.wait_phase(NODE1, "leased")
    streams = [Peer(made.ports[0]), Peer(made.ports[0])]
    with closing(streams):
        for stream in streams:
            stream.ask("/v1/events?after=1000")
        begin = time.monotonic()
        for _ in looks(10, 0.2):
            if time.monotonic() - begin > 2.5:
                break
        assert not any(stream.is_cut() for stream in streams)


def test_a_connection_that_is_kept_for_more_requests_serves_them_beyond_the_time_for_one(made: Server) -> None:
    made.start(KBOOT_SILENT_S="1")
    peer, begin = Peer(made.ports[0]), time.monotonic()
    with closing([peer]):
        for _ in looks(10, 0.2):
            peer.ask(f"/stable/{RELEASE}/flatcar_production_pxe.vmlinuz")
            assert peer.body()
            if time.monotonic() - begin > 3:
                break


def test_a_handshake_that_fails_is_no_fault_and_leaves_nothing(made: Server) -> None:
    made.start(descriptors=256)
    for _ in range(100):
        with closing([peer := Peer(made.ports[1])]):
            peer.say(b"no handshake at all\r\n\r\n")
            for _ in looks(10, 0.02):
                if peer.is_cut():
                    break
    assert made.get("/healthz", tls=True).status_code == 200
    assert _log(made, "connections-full") == []
    assert "Traceback" not in made.log.read_text()
