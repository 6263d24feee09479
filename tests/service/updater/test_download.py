"""Downloads from a server that breaks off, lies, dawdles or answers with something else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_updater.download import Downloader, RetryPolicy
from kboot_updater.fault import DiskFull, NotTheFile, NotThere, Stopped, Unreachable, UpdaterFault
from service.updater.release_server import Ill, ReleaseServer
from service.updater.site import QUICK

DATA = bytes(range(256)) * 4000
NAME = "image.bin.bz2"


class Read:
    """What a reader was shown since the file began, and how often it was begun anew after the first byte."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.begun_anew = 0

    def begin(self) -> None:
        """The file starts anew."""
        self.begun_anew += bool(self.data)
        self.data.clear()

    def take(self, piece: bytes | memoryview) -> None:
        """The next piece."""
        self.data += piece


class Bench:
    """One file at a server, where it is to come, and what reads it while it comes."""

    def __init__(self, server: ReleaseServer, folder: Path) -> None:
        self.server = server
        self.target = folder / NAME
        self.part = folder / f"{NAME}.part"
        self.stop = threading.Event()
        self.read = Read()
        self.publish(DATA)

    def publish(self, data: bytes) -> None:
        """Lay the file at the server."""
        (self.server.folder / NAME).write_bytes(data)

    def ail(self, ill: Ill) -> None:
        """Let the server do that."""
        self.server.ills[NAME] = ill

    def fetch(self, retries: RetryPolicy = QUICK, max_bytes: int | None = None) -> None:
        """One run of an updater, with a client of its own."""
        downloader, self.read = Downloader(self.stop, retries), Read()
        try:
            url = f"http://{self.server.address}/{NAME}"
            downloader.fetch(url, self.target, max_bytes=max_bytes, reader=self.read)
        finally:
            downloader.close()

    @property
    def sent_bytes(self) -> int:
        """What the server sent of the file."""
        return self.server.sent[f"/{NAME}"]


@pytest.fixture
def bench(server: ReleaseServer, tmp_path: Path) -> Bench:
    """A file that is published and not yet here."""
    folder = tmp_path / "here"
    folder.mkdir()
    return Bench(server, folder)


def assert_whole(bench: Bench, data: bytes = DATA) -> None:
    """The file is here and nothing beside it, and its reader was shown all of it."""
    assert bench.target.read_bytes() == data
    assert bytes(bench.read.data) == data
    assert list(bench.target.parent.iterdir()) == [bench.target]


def test_a_file_comes_whole_and_leaves_nothing_beside_it(bench: Bench) -> None:
    bench.fetch()
    assert_whole(bench)


def test_a_connection_that_is_cut_is_resumed_and_no_byte_comes_twice(bench: Bench) -> None:
    bench.ail(Ill(times=2, cut_after=300_000))
    bench.fetch()
    assert_whole(bench)
    assert bench.sent_bytes == len(DATA)
    ranges = [headers.get("range") for _, headers in bench.server.asked]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert bench.read.begun_anew == 0


def test_a_later_run_goes_on_where_an_earlier_one_was_given_up(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=700_000))
    with pytest.raises(Unreachable):
        bench.fetch(RetryPolicy(attempts=1))
    assert bench.part.stat().st_size == 700_000
    bench.fetch()
    assert_whole(bench)
    assert bench.sent_bytes == len(DATA)
    assert bench.read.begun_anew == 0


def test_a_file_that_changed_meanwhile_is_begun_anew(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=700_000, etag='"an older edition"'))
    with pytest.raises(Unreachable):
        bench.fetch(RetryPolicy(attempts=1))
    bench.publish(DATA[::-1])
    bench.fetch()
    assert_whole(bench, DATA[::-1])


def test_a_reader_is_shown_what_came_before_the_rest_does(bench: Bench) -> None:
    rest = threading.Event()
    seen: list[int] = []
    bench.ail(Ill(times=1, hold=rest, hold_after=400_000))

    def look() -> None:
        for _ in looks(30, 0.01):
            if len(bench.read.data) == 400_000:
                break
        seen.append(len(bench.read.data))
        rest.set()

    looking = threading.Thread(target=look)
    looking.start()
    bench.fetch()
    looking.join()
    assert seen == [400_000]
    assert_whole(bench)


def test_a_server_without_ranges_sends_all_of_it_again(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=700_000))
    with pytest.raises(Unreachable):
        bench.fetch(RetryPolicy(attempts=1))
    bench.ail(Ill(ignore_range=True))
    bench.fetch()
    assert_whole(bench)


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_validator_nothing_is_resumed(etag: str, bench: Bench) -> None:
    bench.server.with_validator = False
    bench.ail(Ill(times=1, cut_after=700_000, etag=etag))
    bench.fetch()
    assert_whole(bench)
    assert all("range" not in headers for _, headers in bench.server.asked)


def test_a_run_that_ended_before_the_last_rename_fetches_nothing_again(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=700_000))
    with pytest.raises(Unreachable):
        bench.fetch(RetryPolicy(attempts=1))
    bench.part.write_bytes(DATA)
    bench.server.forget()
    bench.fetch()
    assert_whole(bench)
    assert bench.server.asked == []


def test_fewer_bytes_than_announced_are_never_taken_for_the_file(bench: Bench) -> None:
    bench.ail(Ill(announced_more=10))
    with pytest.raises(Unreachable):
        bench.fetch()
    assert not bench.target.exists()


def test_an_answer_that_does_not_say_where_it_ends_is_refused(bench: Bench) -> None:
    bench.ail(Ill(without_length=True, cut_after=5000))
    with pytest.raises(NotTheFile, match="how long"):
        bench.fetch()
    assert not bench.target.exists()


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_in_place_of_the_file_is_refused(kind: str, bench: Bench) -> None:
    bench.ail(Ill(page=b"\n<!DOCTYPE HTML><html><body>Log in</body></html>", page_type=kind))
    with pytest.raises(NotTheFile, match="web page"):
        bench.fetch()
    assert not bench.target.exists()


def test_a_web_page_in_between_loses_nothing_of_what_came(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=700_000))
    with pytest.raises(Unreachable):
        bench.fetch(RetryPolicy(attempts=1))
    bench.ail(Ill(times=1, page=b"<html>Log in</html>"))
    with pytest.raises(NotTheFile):
        bench.fetch()
    bench.fetch()
    assert_whole(bench)
    assert bench.sent_bytes == len(DATA) + len(b"<html>Log in</html>")


def test_an_empty_file_is_refused(bench: Bench) -> None:
    bench.publish(b"")
    with pytest.raises(NotTheFile, match="empty"):
        bench.fetch()


def test_a_file_that_is_not_there_is_not_asked_for_again(bench: Bench) -> None:
    bench.ail(Ill(status=404))
    with pytest.raises(NotThere, match="404"):
        bench.fetch()
    assert len(bench.server.asked) == 1


def test_a_server_with_an_error_is_asked_again(bench: Bench) -> None:
    bench.ail(Ill(times=2, status=503))
    bench.fetch()
    assert_whole(bench)


def test_a_server_that_stays_in_error_is_given_up(bench: Bench) -> None:
    bench.ail(Ill(status=503))
    with pytest.raises(Unreachable, match="503"):
        bench.fetch()
    assert len(bench.server.asked) == QUICK.attempts


def test_a_status_that_is_no_answer_is_a_fault(bench: Bench) -> None:
    bench.ail(Ill(status=418))
    with pytest.raises(UpdaterFault, match="418"):
        bench.fetch()


def test_a_server_that_falls_silent_is_left_and_the_rest_fetched(bench: Bench) -> None:
    bench.ail(Ill(times=1, hold=threading.Event(), hold_after=400_000))
    bench.fetch(RetryPolicy(attempts=3, first_pause_s=0.01, read_timeout_s=0.3))
    assert_whole(bench)
    assert bench.sent_bytes == len(DATA)


def test_a_server_that_only_trickles_is_given_up(bench: Bench) -> None:
    retries = RetryPolicy(attempts=2, first_pause_s=0.01, slow_for_s=0.0, slowest_bytes_per_s=1e12)
    bench.ail(Ill(cut_after=1000))
    with pytest.raises(Unreachable, match="too slow"):
        bench.fetch(retries)


def test_a_server_that_does_not_listen_is_unreachable(bench: Bench) -> None:
    bench.server.stop()
    with pytest.raises(Unreachable):
        bench.fetch()
    bench.server.start()


def test_a_file_that_is_larger_than_the_disk_is_not_begun(bench: Bench) -> None:
    bench.ail(Ill(announced_more=1 << 60))
    with pytest.raises(DiskFull, match=r"bytes are needed, \d+ are free"):
        bench.fetch()
    assert bench.sent_bytes <= len(DATA)
    assert bench.part.stat().st_size == 0


def test_a_small_file_that_does_not_end_is_refused(bench: Bench) -> None:
    with pytest.raises(NotTheFile, match="longer than 1000 bytes"):
        bench.fetch(max_bytes=1000)


def test_a_download_that_is_told_to_end_keeps_what_came(bench: Bench) -> None:
    bench.ail(Ill(times=1, cut_after=300_000))
    bench.server.on_request = lambda path: bench.stop.set() if len(bench.server.asked) == 2 else None
    with pytest.raises(Stopped):
        bench.fetch()
    assert bench.part.stat().st_size >= 300_000
    bench.stop.clear()
    bench.fetch()
    assert_whole(bench)


def test_a_pause_between_two_attempts_ends_at_once_when_told(bench: Bench) -> None:
    bench.server.stop()
    bench.stop.set()
    with pytest.raises(Stopped):
        bench.fetch(RetryPolicy(attempts=3, first_pause_s=3600))
    bench.server.start()
