"""Keeps the state of all machines and the events in SQLite. This process alone writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from kboot_clusterdesc import EventKind, Mac, Phase
from kboot_clusterdesc.shared_files import DATABASE_VERSION

from .commits import Change, Commits
from .database import SCHEMA, Loss, UnusableState, open_database, open_reader, take_mark, version_of
from .discovered import Discovered
from .doubt import Doubt, doubt_of
from .event import ALL, Choice, Event, event_of, rfc3339, row_of
from .event_table import EVENTS_KEPT, add_event
from .joined_table import JoinedTable
from .leases import LeaseEntry
from .log import LogLevel, log
from .login_table import LoginTable
from .machine import Machine, declared, declared_in_doubt
from .machine_record import as_json, from_json
from .notify_table import NotifyTable
from .rollout_table import RolloutTable
from .update_table import UpdateTable


def _read(mac: Mac, text: str, now: datetime) -> Machine:
    """Return the state that was kept as `text`; where nobody can read it, nobody knows whether it is installed."""
    try:
        return from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log(
            "machine-state-lost",
            LogLevel.ERROR,
            mac=mac,
            problem=repr(error),
            hint="the machine is not armed by itself",
        )
        return declared_in_doubt(mac, now)


class Store:
    """The database, and all of it but the events in memory: nobody else writes it.

    A method that changes something has changed the memory when it returns, and the disk once `commits` has kept it.
    """

    def __init__(self, path: Path, now: datetime, *, is_marked: bool = True) -> None:
        """Open the state at `path`, or begin one; raise UnusableState, NewerState. `is_marked`: see `open_database`."""
        self._machines: dict[Mac, Machine] = {}  # each read once
        self._waiting: set[Mac] = set()  # that were kept as waiting since the last `take_waiting`
        self.on_event: Callable[[Event], None] = lambda event: None  # called with each event that is kept
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db, loss = open_database(path, now, is_marked=is_marked)
            self.commits = Commits(self._db)
            if version_of(self._db) < DATABASE_VERSION:
                self._prepare(loss, now)
            take_mark(path)  # before anything is served: no machine of a new cluster is installed yet
            self._reader = open_reader(path)
            self._doubt = doubt_of(self._reader.execute("SELECT since, reason, kept FROM doubt").fetchone())
            self.updates = UpdateTable(self.commits, self._reader)
            self.rollouts = RolloutTable(self.commits, self._reader, now)
            self.notified = NotifyTable(self.commits, self._reader)
            self.logins = LoginTable(self.commits, self._reader)
            self.joined = JoinedTable(self.commits, self._reader)
            found = self._reader.execute("SELECT mac, ip, since FROM discovered").fetchall()
            self._forgotten = {  # machine -> end of the lease that it had when it was forgotten
                event.mac: int(dict(event.detail).get("lease", -1))
                for event in self.newest_events(EVENTS_KEPT, Choice(frozenset({EventKind.FORGOTTEN})))
                if event.mac is not None
            }
            self._discovered = {Mac(mac): Discovered(Mac(mac), ip, datetime.fromisoformat(at)) for mac, ip, at in found}
        except (sqlite3.Error, OSError) as error:
            raise UnusableState(f"{path}: {error}") from error

    def close(self) -> None:
        """Fold the write-ahead log into the database, and close it."""
        self._reader.close()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def check(self) -> None:
        """Change nothing, in the way of each change, so that it fails where the database cannot be written."""
        self.commits.make(Change(lambda db: db.execute("DELETE FROM events WHERE id < 0")))

    def doubt(self) -> Doubt | None:
        """Return that the state was lost, from then until `settle`; None where it was not."""
        return self._doubt

    def settle(self, event: Event) -> None:
        """End the doubt."""
        doubt, row = self._doubt, row_of(event)

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM doubt")
            add_event(db, row)

        def undo() -> None:
            self._doubt = doubt

        self.commits.make(Change(write, partial(self.on_event, event), undo))
        self._doubt = None

    def known(self, mac: Mac) -> Machine | None:
        """Return the state of a node's machine that was read or kept before; None where it has to be looked for."""
        return self._machines.get(mac)

    def machine(self, mac: Mac, now: datetime) -> Machine:
        """Return the state of a node's machine; one never seen is kept as declared now: armed, unless in doubt."""
        if (known := self.known(mac)) is not None:
            return known
        row = self._reader.execute("SELECT state FROM machines WHERE mac = ?", (mac,)).fetchone()
        if row:
            return self._machines.setdefault(mac, _read(mac, row[0], now))
        fresh = declared(mac, now) if self.doubt() is None else declared_in_doubt(mac, now)
        self.save(fresh)
        return fresh

    def save(self, machine: Machine, *events: Event) -> None:
        """Keep a machine's new state together with the events that tell of it, in one transaction."""
        self.save_all([machine], events)

    def save_all(self, machines: Sequence[Machine], events: Sequence[Event]) -> None:
        """Keep the new states of machines together with the events that tell of them, in one transaction."""
        rows = [(machine.mac, json.dumps(as_json(machine))) for machine in machines]
        told = [row_of(event) for event in events]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO machines VALUES (?, ?)", rows)
            for row in told:
                add_event(db, row)

        def then() -> None:
            for event in events:
                self.on_event(event)

        is_folded = not all(machine.armed for machine in machines)  # a copy without the log has every disarming
        self.commits.make(Change(write, then, partial(self._forget, machines), is_folded))
        self._machines.update({machine.mac: machine for machine in machines})
        self._waiting |= {machine.mac for machine in machines if machine.phase is Phase.WAITING}

    def _forget(self, machines: Sequence[Machine]) -> None:
        """Read states again that were not kept, but where a later one is about to be."""
        for machine in machines:
            if self._machines.get(machine.mac) is machine:
                del self._machines[machine.mac]
                self._waiting.add(machine.mac)

    def kept(self) -> set[str]:
        """Return the MACs of all machines whose state is kept."""
        return {mac for (mac,) in self._reader.execute("SELECT mac FROM machines")} | self._machines.keys()

    def hand_on(self, machines: Sequence[Machine], before: Mac | None, undo: Callable[[], object]) -> None:
        """Keep the states of machines whose cards were declared anew; the last one was known as `before`, if given.

        Its events, when it was heard of and that it joined are kept under its new MAC. `undo` is called where that
        was not kept.
        """
        rows = [(machine.mac, json.dumps(as_json(machine))) for machine in machines]
        after = machines[-1].mac
        known, join_again = (after, before), self.joined.way_back(after, before or after)

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM machines WHERE mac = ?", (before,))
            db.executemany("INSERT OR REPLACE INTO machines VALUES (?, ?)", rows)
            for table in ("heard", "events", "adopted"):
                db.execute(f"UPDATE OR REPLACE {table} SET mac = ? WHERE mac = ?", known)  # noqa: S608 - words of this line

        def forget() -> None:
            self._forget(machines)
            join_again()
            undo()

        self.commits.make(Change(write, undo=forget, is_folded=True))
        self._machines |= {machine.mac: machine for machine in machines}
        if before is not None:
            self._machines.pop(before, None)
            self.joined.hand_on(before, after)

    def take_waiting(self) -> set[Mac]:
        """Return the machines that began to wait for a lease since the last call, anew or for the first time."""
        waiting, self._waiting = self._waiting, set()
        return waiting

    def add(self, event: Event) -> None:
        """Keep an event."""
        row = row_of(event)
        self.commits.make(Change(lambda db: add_event(db, row), partial(self.on_event, event)))

    def discover(self, lease: LeaseEntry, now: datetime) -> bool:
        """Keep an undeclared machine with its newest address; return whether it is new.

        One that was forgotten is not known again by the lease that it had then.
        """
        mac, ip = lease.mac, str(lease.ip)
        known = self._discovered.get(mac)
        if (known is not None and known.ip == ip) or self._forgotten.get(mac) == lease.expires:
            return False
        found = Discovered(mac, ip, datetime.fromisoformat(rfc3339(now)) if known is None else known.since)
        row = (mac, ip, rfc3339(found.since))
        write = "INSERT INTO discovered VALUES (?, ?, ?) ON CONFLICT (mac) DO UPDATE SET ip = excluded.ip"

        def undo() -> None:
            self._waiting.add(mac)
            if self._discovered.get(mac) is found:
                del self._discovered[mac]
                self._discovered |= {} if known is None else {mac: known}

        self.commits.make(Change(lambda db: db.execute(write, row), undo=undo))
        self._discovered[mac] = found
        return known is None

    def discovered(self) -> list[Discovered]:
        """Return every machine that was seen while undeclared."""
        return sorted(self._discovered.values(), key=lambda each: (each.since, each.mac))

    def knows(self, mac: Mac) -> bool:
        """Return whether anything is kept of a machine that nobody declared."""
        return mac in self._discovered or self.joined.has(mac)

    def forget(self, mac: Mac, lease: LeaseEntry | None, event: Event) -> None:
        """Drop all that is kept of an undeclared machine but events; `lease` is the one that it has now."""
        row, found, join_again = row_of(event), self._discovered.get(mac), self.joined.way_back(mac)

        def write(db: sqlite3.Connection) -> None:
            for table in ("discovered", "adopted", "machines", "heard"):
                db.execute(f"DELETE FROM {table} WHERE mac = ?", (mac,))  # noqa: S608 - words of this line
            add_event(db, row)

        def undo() -> None:
            self._discovered |= {} if found is None else {mac: found}
            join_again()
            self._forgotten.pop(mac, None)

        self.commits.make(Change(write, partial(self.on_event, event), undo))
        self._discovered.pop(mac, None)
        self.joined.drop(mac)
        self._machines.pop(mac, None)
        if lease is not None:
            self._forgotten[mac] = lease.expires

    def heard(self) -> dict[Mac, datetime]:
        """Return when each machine was last heard of, as far as that was kept."""
        rows = self._reader.execute("SELECT mac, at FROM heard").fetchall()
        return {Mac(mac): datetime.fromisoformat(at) for mac, at in rows}

    def keep_heard(self, heard: Mapping[Mac, datetime]) -> None:
        """Keep when machines were last heard of; the times of others stay."""
        if not heard:
            return
        rows = [(mac, rfc3339(at)) for mac, at in heard.items()]
        self.commits.make(Change(lambda db: db.executemany("INSERT OR REPLACE INTO heard VALUES (?, ?)", rows)))

    def events_after(self, number: int, limit: int = 1000, choice: Choice = ALL) -> list[Event]:
        """Return the first `limit` events of a choice after `number` that are on the disk."""
        return self._events("ORDER BY id LIMIT ?", number, limit, choice)

    def newest_events(self, limit: int, choice: Choice = ALL) -> list[Event]:
        """Return the last `limit` events of a choice that are on the disk, oldest first."""
        return self._events("ORDER BY id DESC LIMIT ?", 0, limit, choice)[::-1]

    def newest_number(self) -> int:
        """Return the number of the newest event that is on the disk; 0 where there is none."""
        newest = self.newest_events(1)
        return (newest[0].number or 0) if newest else 0

    def _events(self, order: str, number: int, limit: int, choice: Choice) -> list[Event]:
        where, values = choice.where
        query = f"SELECT * FROM events WHERE {where} {order}"  # noqa: S608 - words of this module, and marks for values
        return [event_of(row) for row in self._reader.execute(query, (number, *values, limit)).fetchall()]

    def _prepare(self, loss: Loss | None, now: datetime) -> None:
        """Make the tables, and keep the doubt where the state before this database was lost."""
        with self.commits.transaction() as db:
            for statement in SCHEMA:
                db.execute(statement)
            if loss is not None:
                db.execute("INSERT INTO doubt VALUES (?, ?, ?)", (rfc3339(now), loss.reason, loss.kept))
                kept = (("kept", loss.kept),) if loss.kept else ()
                add_event(db, row_of(Event(now, EventKind.STATE_LOST, detail=(("reason", loss.reason), *kept))))
        self.commits.fold()
