"""Parts of files through real sockets: whole, in turns, and without waiting for whoever takes nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from kboot.host.waiting import looks
from kboot_cloudconfig.file_pump import FilePump, Transfer
from kboot_cloudconfig.unsent import LEAST_BYTES, bound_unsent

_CONTENT = b"".join(bytes([number]) * 65_537 for number in range(100))
_DEADLINE_S = 30
_TCP_NOTSENT_LOWAT = 25  # linux/tcp.h
_FAR: list[socket.socket] = []


def _connection() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bound_unsent(listening, LEAST_BYTES)
        far = socket.create_connection(listening.getsockname())
        return listening.accept()[0], far


class Reader:
    """The far end of a connection, and how the transfer to it ended."""

    def __init__(self, pump: FilePump, file: Path, part: range, address: str = "127.0.0.1") -> None:
        self._pump = pump
        self.ends: SimpleQueue[bool] = SimpleQueue()
        self.part = part
        near, self.far = _connection()
        near.setblocking(False)
        self.far.settimeout(_DEADLINE_S)
        _FAR.append(self.far)
        opened = os.open(file, os.O_RDONLY)
        self.transfer = Transfer(near, opened, part.start, len(part), address, self.ends.put)

    def begin(self) -> Reader:
        """Begin the transfer."""
        self._pump.begin(self.transfer)
        return self

    def body(self) -> bytes:
        """All that comes."""
        with self.far.makefile("rb") as stream:
            return stream.read()

    def body_of(self, length: int) -> bytes:
        """The next `length` bytes: the end of a connection that is kept does not come."""
        with self.far.makefile("rb") as stream:
            return stream.read(length)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of several megabytes."""
    path = tmp_path / "image"
    path.write_bytes(_CONTENT)
    return path


@pytest.fixture
def pump() -> Iterator[FilePump]:
    """A pump of one thread that moves two transfers to one address, and lets none of them stand for long."""
    made = FilePump(threads=1, most_of_one=2, long_s=0.1)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the far ends of the test, after it."""
    _FAR.clear()
    yield
    for far in _FAR:
        far.close()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_each_reader_gets_its_part_and_the_end_is_told_once(pump: FilePump, file: Path) -> None:
    parts = [range(len(_CONTENT)), range(1), range(5, 3_000_000), range(len(_CONTENT) - 7, len(_CONTENT))]
    readers = [Reader(pump, file, part, f"127.0.0.{part.stop % 3}").begin() for part in parts]
    with ThreadPoolExecutor(len(readers)) as at_once:
        for reader, body in zip(readers, at_once.map(Reader.body, readers), strict=True):
            assert body == _CONTENT[reader.part.start : reader.part.stop]
            assert reader.ends.get(timeout=_DEADLINE_S)
            assert reader.ends.empty()
            reader.far.close()


def test_a_reader_that_takes_nothing_keeps_no_thread_from_others(pump: FilePump, file: Path) -> None:
    stalled = [Reader(pump, file, range(len(_CONTENT)), f"127.0.0.{number}").begin() for number in range(20)]
    assert Reader(pump, file, range(len(_CONTENT)), "127.0.1.1").begin().body() == _CONTENT
    assert stalled[0].body() == _CONTENT


def test_who_waits_behind_stalled_readers_of_its_address_has_a_turn(pump: FilePump, file: Path) -> None:
    stalled = [Reader(pump, file, range(len(_CONTENT))).begin() for _ in range(2)]
    waiting = [Reader(pump, file, range(len(_CONTENT))).begin() for _ in range(3)]
    with ThreadPoolExecutor(len(waiting)) as at_once:
        assert list(at_once.map(Reader.body, waiting)) == [_CONTENT] * 3
    assert [reader.body() for reader in stalled] == [_CONTENT] * 2


def test_a_transfer_that_is_given_up_ends_and_its_descriptors_are_closed(pump: FilePump, file: Path) -> None:
    before = _descriptors()
    readers = [Reader(pump, file, range(len(_CONTENT))).begin() for _ in range(5)]
    for reader in (*readers, readers[0]):
        pump.give_up(reader.transfer)
    for reader in readers:
        assert len(reader.body()) < len(_CONTENT)
        reader.far.close()
        assert reader.ends.empty()
    assert _descriptors() == before


def test_a_reader_that_goes_and_a_file_that_becomes_shorter_end_the_transfer(pump: FilePump, file: Path) -> None:
    gone = Reader(pump, file, range(len(_CONTENT)), "127.0.0.2").begin()
    gone.far.close()
    assert not gone.ends.get(timeout=_DEADLINE_S)
    beyond = Reader(pump, file, range(len(_CONTENT) - 10, len(_CONTENT) + 10), "127.0.0.3").begin()
    assert beyond.body() == _CONTENT[-10:]
    assert not beyond.ends.get(timeout=_DEADLINE_S)


def test_what_is_under_way_when_the_pump_is_closed_is_closed_too(file: Path) -> None:
    before = _descriptors()
    pump = FilePump(most_of_one=1)
    readers = [Reader(pump, file, range(len(_CONTENT))).begin() for _ in range(3)]
    for _ in looks(_DEADLINE_S, 0.01):
        if readers[0].transfer.left_bytes < len(_CONTENT):
            break
    pump.close()
    for reader in readers:
        reader.far.close()
    assert _descriptors() == before


def test_of_few_readers_the_kernel_holds_much_of_many_little_and_little_once_they_have_all(
    pump: FilePump, file: Path
) -> None:
    readers = [Reader(pump, file, range(len(_CONTENT)), f"127.0.1.{number}") for number in range(250)]
    connections = [reader.transfer.connection.dup() for reader in readers]
    bounds = []
    for reader, connection in zip(readers, connections, strict=True):
        reader.begin()
        bounds.append(connection.getsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT))
    assert (bounds[0], bounds[15], bounds[-1]) == (1 << 20, 1 << 20, 64 << 10)
    assert sum(bounds) < 64 << 20  # where none of them takes anything
    assert all(reader.body_of(len(_CONTENT)) == _CONTENT for reader in readers[:3])
    for reader in readers[3:]:
        pump.give_up(reader.transfer)
    for connection in connections:
        for _ in looks(_DEADLINE_S, 0.01):
            if connection.getsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT) == 64 << 10:
                break
        else:
            pytest.fail("the kernel still holds as much of a connection that has all")
        connection.close()
