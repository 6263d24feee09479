"""The databases of older kboots, as those wrote them, become one of this; the database of a newer one is left alone.

`older_states/` has what Python's `iterdump` says of five machines that the kboots of each version were led through;
of version 3, of the database of version 2 once its kboot had taken that over.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kboot_cloudconfig.database import NewerState
from kboot_cloudconfig.machine import declared_in_doubt
from kboot_cloudconfig.machine_record import as_json, from_json
from kboot_cloudconfig.store import Store
from kboot_clusterdesc import Mac
from kboot_clusterdesc.layout import STATE_MARK
from kboot_clusterdesc.shared_files import DATABASE, DATABASE_VERSION

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLDER = sorted(Path(__file__).with_name("older_states").glob("*.sql"))
MACS = [Mac(f"52:54:00:00:00:0{number}") for number in range(1, 6)]
NEW, FAILED, CONFIGURED, RUNNING, READY = MACS


def made(folder: Path, dump: Path) -> Path:
    """A database as an older kboot left it."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        db.executescript(dump.read_text())
        db.execute("PRAGMA journal_mode = WAL")
    return folder / DATABASE


def rows(database: Path) -> dict[str, list[Any]]:
    """Every row of the tables that the first kboots had."""
    with closing(sqlite3.connect(database)) as db:
        return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in ("machines", "discovered", "events")}  # noqa: S608


def version(database: Path) -> int:
    """The version that SQLite tells."""
    with closing(sqlite3.connect(database)) as db:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
        return found


@pytest.mark.parametrize("dump", OLDER, ids=lambda path: path.stem)
def test_the_state_of_an_older_kboot_is_taken_over_as_it_is(dump: Path, tmp_path: Path) -> None:
    database = made(tmp_path, dump)
    before = rows(database)
    assert version(database) < DATABASE_VERSION
    with closing(Store(database, NOW)) as store:
        assert store.doubt() is None
        armed = {mac: store.machine(mac, NOW).armed for mac in MACS}
        assert armed == {NEW: True, FAILED: True, CONFIGURED: True, RUNNING: False, READY: False}
        assert store.machine(FAILED, NOW).reason == "no disk"
        installing = store.machine(CONFIGURED, NOW)
        assert installing.token
        assert installing.token.sha256 in installing.issued, "it could not report that it is installed"
        assert store.machine(RUNNING, NOW).version == "3975.2.0"
        assert [each.ip for each in store.discovered()] == ["10.10.14.99"]
        assert len(store.events_after(0)) == 6
    assert version(database) == DATABASE_VERSION
    assert rows(database) == before


def test_a_machine_that_an_older_kboot_left_in_doubt_may_be_installed() -> None:
    lost = declared_in_doubt(NEW, NOW)
    plain = as_json(lost)
    assert from_json(plain) == lost
    del plain["may_be_installed"]
    assert from_json(plain) == lost


def test_a_kill_at_any_moment_of_it_loses_nothing(tmp_path: Path) -> None:
    versions = set()
    for moment in range(30):
        database = made(tmp_path / str(moment), OLDER[0])
        before = rows(database)
        child = os.fork()
        if child == 0:
            Store(database, NOW)
            os._exit(0)
        until = time.monotonic() + moment * 0.001
        while time.monotonic() < until:
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert rows(database) == before
        versions.add(version(database))
        with closing(Store(database, NOW)) as store:
            assert store.doubt() is None
            assert not store.machine(RUNNING, NOW).armed
        assert version(database) == DATABASE_VERSION
    assert versions <= {1, DATABASE_VERSION}


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_newer_state_is_refused_and_not_one_byte_of_it_changes(is_marked: bool, tmp_path: Path) -> None:
    database = made(tmp_path, OLDER[-1])
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE of_later (what TEXT)")
        db.execute(f"PRAGMA user_version = {DATABASE_VERSION + 1}")
    if is_marked:
        (tmp_path / STATE_MARK).touch()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(NewerState) as refused:
        Store(database, NOW, is_marked=is_marked)
    assert str(refused.value) == (
        f"kboot.db is of a newer kboot: its version is {DATABASE_VERSION + 1}, and this kboot knows {DATABASE_VERSION}"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_newer_state_that_looks_damaged_to_this_kboot_is_not_set_aside(tmp_path: Path) -> None:
    database = made(tmp_path, OLDER[-1])
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'CREATE WONDROUS TABLE x')")
        db.execute(f"PRAGMA user_version = {DATABASE_VERSION + 1}")
        db.commit()
    before = database.read_bytes()
    with pytest.raises(NewerState):
        Store(database, NOW)
    assert database.read_bytes() == before
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_a_newer_version_that_stands_in_the_log_alone_is_seen(tmp_path: Path) -> None:
    database = made(tmp_path, OLDER[-1])
    child = os.fork()
    if child == 0:
        db = sqlite3.connect(database)
        db.execute(f"PRAGMA user_version = {DATABASE_VERSION + 1}")
        os._exit(0)  # as a power cut: nothing is folded into the database
    os.waitpid(child, 0)
    assert int.from_bytes(database.read_bytes()[60:64], "big") < DATABASE_VERSION
    with pytest.raises(NewerState):
        Store(database, NOW)
