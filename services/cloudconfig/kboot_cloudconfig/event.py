"""An event: its form in the database and for those who watch, and which events are asked for. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from kboot_clusterdesc import EventKind, Mac, Phase
from kboot_clusterdesc.log_line import LogLevel

Row = tuple[str, str, str | None, str | None, str]
KINDS = (*map(str, Phase), *map(str, EventKind))
_SERIOUS = frozenset({Phase.FAILED, EventKind.REFUSED, EventKind.STATE_LOST})


def rfc3339(moment: datetime) -> str:
    """Return a time as `2026-11-25T09:00:00Z`, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `number` grows, and is None until the event is kept."""

    at: datetime
    kind: str  # a Phase or an EventKind; another kboot may have known others
    mac: Mac | None = None
    ip: str | None = None
    detail: tuple[tuple[str, str | int], ...] = ()
    number: int | None = None

    @property
    def stamp(self) -> str:
        """When it happened, in the form that is shown."""
        return rfc3339(self.at)

    @property
    def log_level(self) -> LogLevel:
        """How much its line in the log matters."""
        return LogLevel.WARNING if self.kind in _SERIOUS else LogLevel.INFO

    def as_json(self) -> dict[str, Any]:
        """Return the form that `/v1/events` sends."""
        return {"at": rfc3339(self.at), "kind": self.kind, "mac": self.mac, "ip": self.ip, **dict(self.detail)}


def _known(kind: str) -> str:
    if kind not in KINDS:
        words = {"kind": kind[:80], "kinds": ", ".join(KINDS)}
        raise PydanticCustomError("kind", "`{kind}` is no kind of event: one of {kinds}", words)
    return kind


# A kind that is asked for; one fault for both lists.
Kind = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Phase", "EventKind")]}),
]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events are asked for: those of some kinds, of one machine; all where neither is said."""

    kinds: frozenset[str] = frozenset()
    mac: Mac | None = None

    @property
    def where(self) -> tuple[str, tuple[str, ...]]:
        """The condition in SQL, and its values."""
        kinds = sorted(self.kinds)
        parts = [f"kind IN ({', '.join('?' * len(kinds))})"] if kinds else []
        parts += ["mac = ?"] if self.mac else []
        return " AND ".join(["id > ?", *parts]), (*kinds, *([self.mac] if self.mac else []))


ALL = Choice()


def row_of(event: Event) -> Row:
    """Return the values of an event's row, all but its number."""
    return rfc3339(event.at), event.kind, event.mac, event.ip, json.dumps(dict(event.detail))


def event_of(row: tuple[int, str, str, str | None, str | None, str]) -> Event:
    """Return the event of a row."""
    number, at, kind, mac, ip, detail = row
    pairs = tuple(json.loads(detail).items())
    return Event(datetime.fromisoformat(at), kind, Mac(mac) if mac else None, ip, pairs, number)
