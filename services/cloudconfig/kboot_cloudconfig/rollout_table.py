"""Keeps the rollout and what holds it, a row of the database each, and in memory as long as the server serves."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from functools import partial

from .commits import Change, Commits
from .rollout import Rollout, taken_up
from .rollout_answer import Hold
from .rollout_record import hold_as_json, hold_from_json, rollout_as_json, rollout_from_json

_WRITE = "INSERT OR REPLACE INTO rollout VALUES (?, ?)"


class RolloutTable:
    """The one rollout of the cluster; this process alone writes it."""

    def __init__(self, commits: Commits, reader: sqlite3.Connection, now: datetime) -> None:
        self._commits = commits
        rows = {name: json.loads(text) for name, text in reader.execute("SELECT name, state FROM rollout").fetchall()}
        kept = rollout_from_json(rows["rollout"]) if "rollout" in rows else Rollout(since=now)
        self.rollout = taken_up(kept, now)
        self.hold: Hold | None = hold_from_json(rows["hold"]) if "hold" in rows else None

    def keep(self, rollout: Rollout) -> None:
        """Keep the rollout as it is now."""
        before, self.rollout = self.rollout, rollout
        row = "rollout", json.dumps(rollout_as_json(rollout))

        def undo() -> None:
            if self.rollout is rollout:
                self.rollout = before

        self._commits.make(Change(lambda db: db.execute(_WRITE, row), undo=undo))

    def keep_hold(self, hold: Hold | None) -> None:
        """Keep who holds the rollout now; None where nobody does any more."""
        before, self.hold = self.hold, hold
        write = partial(_write_hold, hold)

        def undo() -> None:
            if self.hold is hold:
                self.hold = before

        self._commits.make(Change(write, undo=undo))


def _write_hold(hold: Hold | None, db: sqlite3.Connection) -> None:
    if hold is None:
        db.execute("DELETE FROM rollout WHERE name = 'hold'")
    else:
        db.execute(_WRITE, ("hold", json.dumps(hold_as_json(hold))))
