"""Which events are kept when others come without end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from kboot_cloudconfig.database import SCHEMA
from kboot_cloudconfig.event import Event, row_of
from kboot_cloudconfig.event_table import ACTIONS_KEPT, EVENTS_KEPT, add_event
from kboot_clusterdesc import EventKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_refusals_without_end_drive_out_no_action_of_a_person() -> None:
    refusal, action = (row_of(Event(NOW, kind)) for kind in (EventKind.REFUSED, EventKind.ACTION))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in SCHEMA:
            db.execute(statement)
        add_event(db, action)
        for _ in range(EVENTS_KEPT + 5):
            add_event(db, refusal)
        counts = dict(db.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall())
        assert counts == {EventKind.REFUSED: EVENTS_KEPT, EventKind.ACTION: 1}
        db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", (ACTIONS_KEPT,))
        add_event(db, refusal)
        assert db.execute("SELECT count(*) FROM events WHERE kind = ?", (EventKind.ACTION,)).fetchone() == (0,)
