"""Keeps who is logged in to the status page, a row of the database each: the next server knows them, too."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from .commits import Change, Commits
from .login import Key, Kind


class LoginTable:
    """The codes and logins, by the hashes of their secrets; this process alone writes them."""

    def __init__(self, commits: Commits, reader: sqlite3.Connection) -> None:
        self._commits = commits
        rows = reader.execute("SELECT sha256, kind, made, operator_sha256 FROM logins ORDER BY rowid").fetchall()
        self.keys = tuple(Key(sha256, Kind(kind), datetime.fromisoformat(made), of) for sha256, kind, made, of in rows)

    def keep(self, keys: tuple[Key, ...]) -> None:
        """Keep these, and no others."""
        before, self.keys = self.keys, keys
        rows = [(key.sha256, key.kind.value, key.made.isoformat(), key.of) for key in keys]

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM logins")
            db.executemany("INSERT INTO logins VALUES (?, ?, ?, ?)", rows)

        def undo() -> None:
            if self.keys is keys:
                self.keys = before

        self._commits.make(Change(write, undo=undo))
