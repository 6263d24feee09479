"""Writes events into the database, and drops old ones: the last thousands are kept, what people did for longer."""

from __future__ import annotations

import sqlite3

from kboot_clusterdesc import EventKind

from .event import Row

EVENTS_KEPT = 5000
ACTIONS_KEPT = 100_000  # events back; what anybody on the network can make happen drives out no word of what people did


def add_event(db: sqlite3.Connection, row: Row) -> None:
    """Add an event to those that are kept."""
    number = db.execute("INSERT INTO events (at, kind, mac, ip, detail) VALUES (?, ?, ?, ?, ?)", row).lastrowid or 0
    kept = number - EVENTS_KEPT, EventKind.ACTION.value, number - ACTIONS_KEPT
    db.execute("DELETE FROM events WHERE id <= ? AND (kind <> ? OR id <= ?)", kept)
