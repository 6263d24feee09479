"""Whatever becomes of the database file, a machine that was disarmed is never armed by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.database import UnusableState
from kboot_cloudconfig.event import Event
from kboot_cloudconfig.machine import declared
from kboot_cloudconfig.store import Store
from kboot_clusterdesc import Mac
from kboot_clusterdesc.layout import STATE_MARK

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MACS = [Mac(f"52:54:00:00:00:{number:02x}") for number in range(40)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of a new cluster's state."""
    (tmp_path / STATE_MARK).touch()
    return tmp_path


def opened(state: Path) -> Store:
    """The state of the server at a start."""
    return Store(state / "kboot.db", NOW)


def test_a_new_cluster_arms_and_its_mark_is_gone_before_it_does(state: Path) -> None:
    store = opened(state)
    assert not (state / STATE_MARK).exists()
    assert store.machine(MACS[0], NOW).armed
    assert store.doubt() is None


def test_a_kill_before_the_mark_was_taken_leaves_a_new_cluster_new_and_takes_it_later(state: Path) -> None:
    opened(state).close()
    (state / STATE_MARK).touch()
    assert opened(state).doubt() is None
    assert not (state / STATE_MARK).exists()


def test_a_kill_while_the_first_database_was_made_leaves_a_new_cluster_new(state: Path) -> None:
    (state / "kboot.db").touch()
    assert opened(state).doubt() is None


def test_no_mark_and_no_database_is_a_loss(tmp_path: Path) -> None:
    store = opened(tmp_path)
    doubt = store.doubt()
    assert doubt
    assert doubt.reason == "kboot.db was missing"
    assert not store.machine(MACS[0], NOW).armed


def test_the_state_of_an_older_kboot_is_taken_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "kboot.db") as db:
        db.execute("CREATE TABLE machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT")
        db.execute("PRAGMA user_version = 1")
    db.close()
    store = opened(tmp_path)
    assert store.doubt() is None
    assert store.machine(MACS[0], NOW).armed


def test_a_second_damage_keeps_the_first_file_too(state: Path) -> None:
    for text in ("first damage", "other damage"):
        (state / "kboot.db").write_text(text)
        Store(state / "kboot.db", datetime.now(UTC)).close()
    assert {path.read_text() for path in state.glob("*.damaged-*")} == {"first damage", "other damage"}


def test_no_room_is_no_damage(state: Path) -> None:
    opened(state).close()
    before = (state / "kboot.db").read_bytes()
    (state / "kboot.db-wal").mkdir()  # nothing can be written there, as on a full or read-only disk
    with pytest.raises(UnusableState):
        opened(state)
    assert (state / "kboot.db").read_bytes() == before
    assert not list(state.glob("*.damaged-*"))


@pytest.fixture(scope="module")
def whole() -> Iterator[bytes]:
    """A database of forty machines, all disarmed, and of their events."""
    with TemporaryDirectory() as folder:
        store = opened(Path(folder))
        for mac in MACS:
            store.save(replace(declared(mac, NOW), armed=False), Event(NOW, "installed", mac))
        yield (Path(folder) / "kboot.db").read_bytes()  # without its log, which was lost
        store.close()


@given(st.data())
def test_no_cut_and_no_hole_in_the_file_arms_a_machine(whole: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    is_cut = data.draw(st.booleans())
    left = whole[:begin] if is_cut else whole[:begin] + bytes(end - begin) + whole[end:]
    with TemporaryDirectory() as folder:
        (Path(folder) / "kboot.db").write_bytes(left)
        store = opened(Path(folder))
        try:
            assert [mac for mac in MACS if _is_armed(store, mac)] == []
        finally:
            store.close()


def _is_armed(store: Store, mac: Mac) -> bool:
    try:
        return store.machine(mac, NOW).armed
    except ValueError:  # a state that reads as none is a fault of the server's, and no install
        return False


def test_where_nobody_marks_a_folder_that_was_never_served_is_new(tmp_path: Path) -> None:
    store = Store(tmp_path / "kboot.db", NOW, is_marked=False)
    assert store.doubt() is None
    assert store.machine(MACS[0], NOW).armed


@pytest.mark.parametrize("left", [None, b""], ids=["emptied folder", "emptied file"])
def test_where_nobody_marks_a_folder_that_was_served_is_not_new(left: bytes | None, tmp_path: Path) -> None:
    Store(tmp_path / "kboot.db", NOW, is_marked=False).close()
    for path in tmp_path.iterdir():
        path.unlink()
    if left is not None:
        (tmp_path / "kboot.db").write_bytes(left)
    store = Store(tmp_path / "kboot.db", NOW, is_marked=False)
    assert store.doubt() is not None
    assert not store.machine(MACS[0], NOW).armed
