"""Writes one event a line to standard output, as JSON. Callers never pass a token, a key or a node config."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime


def log(event: str, **fields: object) -> None:
    """Write one line; fields that are None are left out."""
    shown = {name: value for name, value in fields.items() if value is not None}
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    print(json.dumps({"at": at, "event": event, **shown}, default=str), file=sys.stdout, flush=True)
