"""Readers that are slower than the disk: they cost neither the server's memory nor anybody's time."""

from __future__ import annotations

import ssl
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from kboot.host.waiting import looks
from support.peers import Peer, closing, descriptors

from .conftest import NODE1, RELEASE, Server

IMAGE = f"/stable/{RELEASE}/flatcar_production_image.bin.bz2"
_SMALL = ("/healthz", f"/boot/{NODE1.dashed}.ipxe", f"/install.sh?mac={NODE1.dashed}")
_PIECES = b"".join(bytes([number]) * (128 << 10) for number in range(24))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with an image of a gigabyte."""
    made = Server(tmp_path, "ignition")
    made.lease(NODE1)
    with (made.folder.images / IMAGE[1:]).open("wb") as image:
        image.truncate(1 << 30)
    made.start()
    yield made
    made.stop(kill=True)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Server]:
    """A server with an image of 3 MB, that waits two seconds where the real one waits 20 or 60."""
    made = Server(tmp_path, "ignition")
    made.lease(NODE1)
    (made.folder.images / IMAGE[1:]).write_bytes(_PIECES)
    made.start(KBOOT_SILENT_S="2", KBOOT_STALLED_S="2")
    yield made
    made.stop(kill=True)


def _trusting(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.secrets.authority.certificate.decode())


def _median_s(server: Server, path: str, rounds: int = 5) -> float:
    """How long an answer takes, from a machine that has nothing to do with the readers."""
    taken = []
    for _ in range(rounds):
        begin = time.monotonic()
        assert server.get(path, who=NODE1).status_code == 200
        taken.append(time.monotonic() - begin)
    return statistics.median(taken)


def _memory_limit_bytes(server: Server) -> int:
    limit = yaml.safe_load(server.folder.compose.read_text())["services"]["cloudconfig"]["mem_limit"]
    return int(limit.removesuffix("m")) << 20


@pytest.mark.parametrize("part", [None, "bytes=0-262143", "bytes=0-32768"])
def test_300_slow_readers_leave_memory_and_time_for_others(server: Server, part: str | None) -> None:
    tls = _trusting(server)
    readers: list[Peer] = []
    with descriptors(2000), closing(readers):
        for number in range(300):
            secure = number % 6 == 0
            readers.append(Peer(server.ports[secure], f"127.0.1.{1 + number % 60}", tls if secure else None))
            readers[-1].ask(IMAGE, part)
        for path in _SMALL:
            for reader in readers[:150]:  # the others take nothing at all
                reader.sip()
            assert _median_s(server, path) < 1, path
        assert not any(reader.is_cut() for reader in readers)
        assert server.peak_bytes() < 0.8 * _memory_limit_bytes(server)


def test_whoever_waits_behind_stalled_readers_is_served_in_turn(slow: Server) -> None:
    stalled = [Peer(slow.ports[0]) for _ in range(8)]
    with closing(stalled):
        for peer in stalled:
            peer.ask(IMAGE)
        for _ in looks(10, 0.1):
            if all(peer.sip(1) for peer in stalled):
                break
        waiting = [Peer(slow.ports[0]) for _ in range(12)]
        with closing(waiting):
            for peer in waiting:
                peer.ask(IMAGE)
            other = slow.get(IMAGE, who="127.0.0.55")  # one address does not keep another from its turn
            assert other.content == _PIECES
            assert not any(peer.is_cut() for peer in stalled)
            with ThreadPoolExecutor(len(waiting)) as at_once:
                assert all(body == _PIECES for body in at_once.map(Peer.body, waiting))


def test_downloads_never_take_the_last_descriptor(tmp_path: Path) -> None:
    made = Server(tmp_path, "ignition")
    made.lease(NODE1)
    (made.folder.images / IMAGE[1:]).write_bytes(_PIECES)
    made.start(descriptors=400, KBOOT_STALLED_S="2")
    try:
        readers = [Peer(made.ports[0], f"127.0.2.{number}") for number in range(1, 101)]
        with closing(readers):
            for reader in readers:
                reader.ask(IMAGE)
            for path in _SMALL:
                assert made.get(path, who=NODE1).status_code == 200
        assert not [line for line in made.log.read_text().splitlines() if "fault" in line or "accept-failed" in line]
    finally:
        made.stop(kill=True)


def test_whoever_waits_behind_trickling_readers_is_served_too(slow: Server) -> None:
    ninth, *trickling = (Peer(slow.ports[0]) for _ in range(9))
    with closing([ninth, *trickling]), ThreadPoolExecutor(1) as beside:
        for peer in trickling:
            peer.ask(IMAGE)
        for _ in looks(10, 0.1):
            if all(peer.sip(1) for peer in trickling):
                break
        ninth.ask(IMAGE)
        served = beside.submit(ninth.body)
        for _ in looks(60, 0.1):
            for peer in trickling:
                peer.sip(1500)
            if served.done():
                break
        assert served.result() == _PIECES
        assert not any(peer.is_cut() for peer in trickling)


def test_a_reader_that_takes_nothing_is_cut_and_one_that_takes_little_is_kept(slow: Server) -> None:
    stalled, trickling = Peer(slow.ports[0]), Peer(slow.ports[0])
    begin, taken = time.monotonic(), 0
    with closing([stalled, trickling]):
        for peer in (stalled, trickling):
            peer.ask(IMAGE)
        for _ in looks(20, 0.1):
            taken += len(trickling.sip())
            if stalled.is_cut() and time.monotonic() - begin > 6:
                break
        assert stalled.is_cut()
        assert not trickling.is_cut()
        assert 0 < taken < len(_PIECES)


def test_a_part_of_an_image_is_the_same_whether_it_comes_at_once_or_in_turns(slow: Server) -> None:
    for part in ("bytes=5-1999999", "bytes=-700000", "bytes=0-9", "bytes=5-10,600000-1200000"):
        answer = slow.get(IMAGE, headers={"range": part})
        assert answer.status_code == 206
        first, _, last = part.rpartition("=")[2].partition(",")[0].partition("-")
        wanted = _PIECES[int(first) : int(last) + 1] if first else _PIECES[-int(last) :]
        assert wanted in answer.content
        assert len(answer.content) == int(answer.headers["content-length"])
