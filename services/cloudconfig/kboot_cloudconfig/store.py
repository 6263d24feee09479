"""Keeps the state of all machines and the events in SQLite. This process alone writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kboot_clusterdesc import EventKind, Mac
from kboot_clusterdesc.shared_files import DATABASE_VERSION

from .database import Loss, UnusableState, open_database, take_mark, version_of
from .machine import Machine, declared, declared_in_doubt
from .machine_record import as_json, from_json

EVENTS_KEPT = 5000

# What a database has since each version. Each is made where it is missing, in one transaction with the new version: so
# the database of any older kboot becomes one of this, and of a run that is killed meanwhile stays what it was.
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS discovered (mac TEXT PRIMARY KEY, ip TEXT NOT NULL, since TEXT NOT NULL) STRICT",
    # Machines that joined undeclared; the table is called as in the databases of earlier versions.
    "CREATE TABLE IF NOT EXISTS adopted (mac TEXT PRIMARY KEY, since TEXT NOT NULL, report_sha256 TEXT) STRICT",
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,"
    " mac TEXT, ip TEXT, detail TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS doubt (since TEXT NOT NULL, reason TEXT NOT NULL, kept TEXT) STRICT",
    "CREATE TABLE IF NOT EXISTS heard (mac TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT",
    f"PRAGMA user_version = {DATABASE_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `number` grows, and is None until the event is kept."""

    at: datetime
    kind: str  # a Phase or an EventKind; another kboot may have known others
    mac: Mac | None = None
    ip: str | None = None
    detail: tuple[tuple[str, str | int], ...] = ()
    number: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that `/v1/events` sends."""
        return {"at": rfc3339(self.at), "kind": self.kind, "mac": self.mac, "ip": self.ip, **dict(self.detail)}


@dataclass(frozen=True, slots=True)
class Discovered:
    """An undeclared machine that was given an address."""

    mac: Mac
    ip: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """That the state was lost, for `reason`: until the operator says otherwise any machine may be installed already."""

    since: datetime
    reason: str
    kept: str | None  # the damaged file, beside the new one

    def as_json(self) -> dict[str, Any]:
        """Return the form that `/v1/nodes` shows."""
        return {"since": rfc3339(self.since), "reason": self.reason, "kept": self.kept}


def rfc3339(moment: datetime) -> str:
    """Return a time as `2026-11-25T09:00:00Z`, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Store:
    """The database; each method is one transaction, on disk when it returns."""

    def __init__(self, path: Path, now: datetime, *, is_marked: bool = True) -> None:
        """Open the state at `path`, or begin one; raise UnusableState, NewerState. `is_marked`: see `open_database`."""
        self._machines: dict[Mac, Machine] = {}  # as they stand in the database, each read once: nobody else writes it
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db, loss = open_database(path, now, is_marked=is_marked)
            if version_of(self._db) < DATABASE_VERSION:
                self._prepare(loss, now)
            take_mark(path)  # before anything is served: no machine of a new cluster is installed yet
            # Asked for at each lease, each second.
            self._joined = set(self.joined())
            self._discovered = {each.mac: each.ip for each in self.discovered()}
        except (sqlite3.Error, OSError) as error:
            raise UnusableState(f"{path}: {error}") from error

    def close(self) -> None:
        """Fold the write-ahead log into the database, and close it."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def check(self) -> None:
        """Raise sqlite3.Error unless the database can be written."""
        with self._transaction() as db:
            db.execute("DELETE FROM events WHERE id < 0")

    def doubt(self) -> Doubt | None:
        """Return that the state was lost, from then until `settle`; None where it was not."""
        row = self._db.execute("SELECT since, reason, kept FROM doubt").fetchone()
        return Doubt(datetime.fromisoformat(row[0]), *row[1:]) if row else None

    def settle(self, event: Event) -> Event:
        """End the doubt."""
        with self._transaction() as db:
            db.execute("DELETE FROM doubt")
            return self._add(db, event)

    def machine(self, mac: Mac, now: datetime) -> Machine:
        """Return the state of a node's machine; one never seen is kept as declared now: armed, unless in doubt."""
        if (known := self._machines.get(mac)) is not None:
            return known
        row = self._db.execute("SELECT state FROM machines WHERE mac = ?", (mac,)).fetchone()
        if row:
            return self._machines.setdefault(mac, from_json(json.loads(row[0])))
        fresh = declared(mac, now) if self.doubt() is None else declared_in_doubt(mac, now)
        self.save(fresh)
        return fresh

    def save(self, machine: Machine, *events: Event) -> None:
        """Keep a machine's new state together with the events that tell of it, in one transaction."""
        self.save_all([machine], events)

    def save_all(self, machines: Sequence[Machine], events: Iterable[Event]) -> None:
        """Keep the new states of machines together with the events that tell of them, in one transaction."""
        rows = [(machine.mac, json.dumps(as_json(machine))) for machine in machines]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO machines VALUES (?, ?)", rows)
            for event in events:
                self._add(db, event)
        self._machines.update({machine.mac: machine for machine in machines})
        if not all(machine.armed for machine in machines):
            self._fold()

    def add(self, event: Event) -> Event:
        """Keep an event, and return it with its number."""
        with self._transaction() as db:
            return self._add(db, event)

    def discover(self, mac: Mac, ip: str, now: datetime) -> bool:
        """Keep an undeclared machine with its newest address; return whether it is new."""
        known = self._discovered.get(mac)
        if known == ip:
            return False
        with self._transaction() as db:
            if known is None:
                db.execute("INSERT INTO discovered VALUES (?, ?, ?)", (mac, ip, rfc3339(now)))
            else:
                db.execute("UPDATE discovered SET ip = ? WHERE mac = ?", (ip, mac))
        self._discovered[mac] = ip
        return known is None

    def discovered(self) -> list[Discovered]:
        """Return every machine that was seen while undeclared."""
        rows = self._db.execute("SELECT mac, ip, since FROM discovered ORDER BY since, mac").fetchall()
        return [Discovered(Mac(mac), ip, datetime.fromisoformat(since)) for mac, ip, since in rows]

    def add_joined(self, mac: Mac, now: datetime) -> bool:
        """Keep that an undeclared machine joined; return whether it did so for the first time."""
        with self._transaction() as db:
            is_new = db.execute("INSERT OR IGNORE INTO adopted VALUES (?, ?, NULL)", (mac, rfc3339(now))).rowcount > 0
        self._joined.add(mac)
        return is_new

    def has_joined(self, mac: Mac) -> bool:
        """Return whether an undeclared machine of that MAC joined."""
        return mac in self._joined

    def joined(self) -> list[Mac]:
        """Return the MAC of every machine that joined, in order."""
        return [Mac(mac) for (mac,) in self._db.execute("SELECT mac FROM adopted ORDER BY mac").fetchall()]

    def keep_report_token(self, mac: Mac, sha256: str) -> None:
        """Keep the hash of the token with which a joined machine will report once it is installed."""
        with self._transaction() as db:
            db.execute("UPDATE adopted SET report_sha256 = ? WHERE mac = ?", (sha256, mac))

    def report_sha256(self, mac: Mac) -> str | None:
        """Return the kept hash of a joined machine's report token; None before it was given a node config."""
        row = self._db.execute("SELECT report_sha256 FROM adopted WHERE mac = ?", (mac,)).fetchone()
        return row[0] if row else None

    def heard(self) -> dict[Mac, datetime]:
        """Return when each machine was last heard of, as far as that was kept."""
        rows = self._db.execute("SELECT mac, at FROM heard").fetchall()
        return {Mac(mac): datetime.fromisoformat(at) for mac, at in rows}

    def keep_heard(self, heard: Mapping[Mac, datetime]) -> None:
        """Keep when machines were last heard of; the times of others stay."""
        if not heard:
            return
        with self._transaction() as db:
            rows = [(mac, rfc3339(at)) for mac, at in heard.items()]
            db.executemany("INSERT OR REPLACE INTO heard VALUES (?, ?)", rows)

    def events_after(self, number: int, limit: int = 1000) -> list[Event]:
        """Return the first `limit` events after `number`."""
        rows = self._db.execute("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (number, limit))
        return [_event(row) for row in rows.fetchall()]

    def newest_events(self, limit: int) -> list[Event]:
        """Return the last `limit` events, oldest first."""
        rows = self._db.execute("SELECT * FROM events ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [_event(row) for row in reversed(rows)]

    def _add(self, db: sqlite3.Connection, event: Event) -> Event:
        cursor = db.execute(
            "INSERT INTO events (at, kind, mac, ip, detail) VALUES (?, ?, ?, ?, ?)",
            (rfc3339(event.at), event.kind, event.mac, event.ip, json.dumps(dict(event.detail))),
        )
        number = cursor.lastrowid or 0
        db.execute("DELETE FROM events WHERE id <= ?", (number - EVENTS_KEPT,))
        return Event(event.at, event.kind, event.mac, event.ip, event.detail, number)

    def _prepare(self, loss: Loss | None, now: datetime) -> None:
        """Make the tables, and keep the doubt where the state before this database was lost."""
        with self._transaction() as db:
            for statement in _SCHEMA:
                db.execute(statement)
            if loss is not None:
                db.execute("INSERT INTO doubt VALUES (?, ?, ?)", (rfc3339(now), loss.reason, loss.kept))
                kept = (("kept", loss.kept),) if loss.kept else ()
                self._add(db, Event(now, EventKind.STATE_LOST, detail=(("reason", loss.reason), *kept)))
        self._fold()

    def _fold(self) -> None:
        """Fold the write-ahead log into the database, so that a copy without the log has every disarming."""
        with suppress(sqlite3.OperationalError):  # no room to grow: the log has it still
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _event(row: tuple[int, str, str, str | None, str | None, str]) -> Event:
    number, at, kind, mac, ip, detail = row
    pairs = tuple(json.loads(detail).items())
    return Event(datetime.fromisoformat(at), kind, Mac(mac) if mac else None, ip, pairs, number)
