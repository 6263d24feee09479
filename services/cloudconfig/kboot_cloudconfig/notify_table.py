"""Keeps up to which event each receiver was told, a row of the database each."""

from __future__ import annotations

import sqlite3

from .commits import Change, Commits
from .receivers import ReceiverView


class NotifyTable:
    """The numbers of the last events that receivers took, and how it goes with each; this process alone writes them."""

    def __init__(self, commits: Commits, reader: sqlite3.Connection) -> None:
        self._commits = commits
        self._numbers: dict[str, int] = dict(reader.execute("SELECT receiver, number FROM notified").fetchall())
        self.views: dict[str, ReceiverView] = {}

    def number(self, receiver: str) -> int | None:
        """Return the number of the last event that a receiver was told of; None for one that is new."""
        return self._numbers.get(receiver)

    def keep(self, receiver: str, number: int) -> None:
        """Keep that a receiver was told of all events up to that number."""
        write = "INSERT OR REPLACE INTO notified VALUES (?, ?)"
        self._commits.make(Change(lambda db: db.execute(write, (receiver, number))))
        self._numbers[receiver] = number
