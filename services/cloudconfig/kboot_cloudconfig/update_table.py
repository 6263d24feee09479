"""Keeps how the OS of each machine was updated, a row of the database each, and in memory as long as it serves."""

from __future__ import annotations

import json
import sqlite3

from kboot_clusterdesc import Mac

from .commits import Change, Commits
from .update_history import Entry, History, from_json, with_entry


class UpdateTable:
    """The histories of all machines; this process alone writes them."""

    def __init__(self, commits: Commits, reader: sqlite3.Connection) -> None:
        self._commits = commits
        rows = reader.execute("SELECT mac, history FROM updates").fetchall()
        self._histories: dict[Mac, History] = {Mac(mac): from_json(json.loads(text)) for mac, text in rows}

    def history(self, mac: Mac) -> History:
        """Return the last steps of a machine, oldest first."""
        return self._histories.get(mac, ())

    def hand_on(self, before: Mac, after: Mac) -> None:
        """Keep the history of a machine under the MAC by which it is known from now on."""
        if (history := self._histories.get(before)) is None:
            return
        replaced = self._histories.get(after)

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE OR REPLACE updates SET mac = ? WHERE mac = ?", (after, before))

        def undo() -> None:
            self._histories |= {before: history} if replaced is None else {before: history, after: replaced}

        self._commits.make(Change(write, undo=undo))
        self._histories[after] = self._histories.pop(before)

    def add(self, mac: Mac, entry: Entry) -> bool:
        """Keep a step; return whether it is new, and not the newest told once more."""
        before = self.history(mac)
        after = with_entry(before, entry)
        if after is before:
            return False
        row = mac, json.dumps([each.row for each in after])

        def undo() -> None:
            if self._histories.get(mac) is after:
                self._histories[mac] = before

        write = "INSERT OR REPLACE INTO updates VALUES (?, ?)"
        self._commits.make(Change(lambda db: db.execute(write, row), undo=undo))
        self._histories[mac] = after
        return True
