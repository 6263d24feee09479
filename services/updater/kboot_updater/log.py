"""Log one event a line on standard output, as JSON. Callers never hand in the credentials of a URL."""

from __future__ import annotations

import json
from datetime import UTC, datetime


def timestamp(at: datetime) -> str:
    """Return `at` as text of RFC 3339, in UTC and to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def log(event: str, **fields: object) -> None:
    """Write one event; fields that are None are left out."""
    shown = {name: value for name, value in fields.items() if value is not None}
    print(json.dumps({"at": timestamp(datetime.now(UTC)), "event": event, **shown}, default=str), flush=True)
