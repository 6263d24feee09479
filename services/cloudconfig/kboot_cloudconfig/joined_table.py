"""Keeps which machines joined undeclared, and with what each reports, a row of the database each, and in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from kboot_clusterdesc import Mac

from .commits import Change, Commits
from .event import rfc3339


class JoinedTable:
    """The machines that joined; this process alone writes them. The table is called as in earlier versions."""

    def __init__(self, commits: Commits, reader: sqlite3.Connection) -> None:
        self._commits = commits
        rows = reader.execute("SELECT mac, report_sha256 FROM adopted").fetchall()
        self._tokens: dict[Mac, str | None] = {Mac(mac): sha256 for mac, sha256 in rows}

    def has(self, mac: Mac) -> bool:
        """Return whether an undeclared machine of that MAC joined."""
        return mac in self._tokens

    def macs(self) -> list[Mac]:
        """Return the MAC of every machine that joined, in order."""
        return sorted(self._tokens)

    def add(self, mac: Mac, now: datetime) -> bool:
        """Keep that an undeclared machine joined; return whether it did so for the first time."""
        if mac in self._tokens:
            return False
        values = (mac, rfc3339(now))
        write = "INSERT OR IGNORE INTO adopted VALUES (?, ?, NULL)"
        self._commits.make(Change(lambda db: db.execute(write, values), undo=lambda: self._tokens.pop(mac, None)))
        self._tokens[mac] = None
        return True

    def keep_report_token(self, mac: Mac, sha256: str) -> None:
        """Keep the hash of the token with which a joined machine will report once it is installed."""
        values, before = (sha256, mac), self._tokens.get(mac)

        def undo() -> None:
            if self._tokens.get(mac) == sha256:
                self._tokens[mac] = before

        write = "UPDATE adopted SET report_sha256 = ? WHERE mac = ?"
        self._commits.make(Change(lambda db: db.execute(write, values), undo=undo))
        if mac in self._tokens:
            self._tokens[mac] = sha256

    def report_sha256(self, mac: Mac) -> str | None:
        """Return the kept hash of a joined machine's report token; None before it was given a node config."""
        return self._tokens.get(mac)

    def hand_on(self, before: Mac, after: Mac) -> None:
        """Know by another MAC a machine that joined as `before`; who calls has the row written with the rest of it."""
        if before in self._tokens:
            self._tokens[after] = self._tokens.pop(before)

    def drop(self, mac: Mac) -> None:
        """Know no more that a machine joined; who calls has the row removed with the rest of it."""
        self._tokens.pop(mac, None)

    def way_back(self, *macs: Mac) -> Callable[[], None]:
        """Return what brings back what is known of these machines now."""
        known = {mac: self._tokens[mac] for mac in macs if mac in self._tokens}

        def bring_back() -> None:
            for mac in macs:
                self._tokens.pop(mac, None)
            self._tokens.update(known)

        return bring_back
