"""Changes on their way to the disk: many in one commit, and none in force that did not get there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot_cloudconfig.commits import Change, Commits, NotKept
from kboot_cloudconfig.event import Event
from kboot_cloudconfig.store import Store
from kboot_clusterdesc import Mac
from kboot_clusterdesc.layout import STATE_MARK

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAC, OTHER = Mac("52:54:00:00:00:01"), Mac("52:54:00:00:00:02")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with one table, which takes no negative number."""
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None, check_same_thread=False)) as db:
        db.execute("CREATE TABLE numbers (number INTEGER CHECK (number >= 0)) STRICT")
        yield db


def _number(number: int, done: list[int], undone: list[int]) -> Change:
    return Change(
        lambda db: db.execute("INSERT INTO numbers VALUES (?)", (number,)),
        lambda: done.append(number),
        lambda: undone.append(number),
    )


def test_all_that_wait_share_one_commit_and_are_told_after_it(db: sqlite3.Connection) -> None:
    said: list[str] = []
    db.set_trace_callback(said.append)
    done: list[int] = []

    async def make() -> list[int]:
        commits = Commits(db)
        commits.begin_batches()
        for number in range(100):
            commits.make(_number(number, done, []))
        before = list(done)
        await commits.kept(0)
        await commits.end_batches()
        return before

    assert asyncio.run(make()) == []
    assert done == list(range(100))
    assert said.count("COMMIT") == 1


def test_who_changed_what_could_not_be_written_is_told_and_nobody_else(db: sqlite3.Connection) -> None:
    done: list[int] = []
    undone: list[int] = []

    async def make() -> None:
        commits = Commits(db)
        commits.begin_batches()
        commits.make(_number(1, done, undone))
        commits.make(_number(-1, done, undone))
        failed = commits.made
        with pytest.raises(NotKept, match="CHECK constraint failed"):
            await commits.kept(0)
        commits.make(_number(2, done, undone))
        await commits.kept(failed)
        with pytest.raises(NotKept):
            await commits.kept(failed - 1)
        await commits.end_batches()

    asyncio.run(make())
    assert (done, undone) == ([2], [-1, 1])
    assert db.execute("SELECT number FROM numbers").fetchall() == [(2,)]


def test_what_waits_when_batches_end_is_kept_and_what_comes_later_at_once(db: sqlite3.Connection) -> None:
    async def make() -> None:
        commits = Commits(db)
        commits.begin_batches()
        commits.make(_number(1, [], []))
        await commits.end_batches()
        commits.make(_number(2, [], []))

    asyncio.run(make())
    assert db.execute("SELECT number FROM numbers").fetchall() == [(1,), (2,)]


def test_a_state_that_the_disk_does_not_take_is_not_in_force(tmp_path: Path) -> None:
    (tmp_path / STATE_MARK).touch()
    store = Store(tmp_path / "kboot.db", NOW)
    told: list[Event] = []
    store.on_event = told.append
    armed = store.machine(MAC, NOW)
    store.machine(OTHER, NOW)
    with closing(sqlite3.connect(tmp_path / "kboot.db")) as other, other:
        refuse = f"WHEN NEW.mac = '{MAC}' BEGIN SELECT RAISE(ABORT, 'no room'); END"
        other.execute(f"CREATE TRIGGER full BEFORE INSERT ON machines {refuse}")

    async def disarm() -> None:
        store.commits.begin_batches()
        before = store.commits.made
        store.save(replace(armed, armed=False), Event(NOW, "installed", MAC))
        with pytest.raises(NotKept, match="no room"):
            await store.commits.kept(before)
        await store.commits.end_batches()

    asyncio.run(disarm())
    assert store.machine(MAC, NOW) == armed
    assert (told, store.newest_events(1)) == ([], [])
    store.close()
