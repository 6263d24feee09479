"""A sentence of the server's as a page shows it: commands in it as such, times in the reader's own zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

_PARTS = re.compile(r"`(?P<code>[^`]+)`|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


def parts_of(text: str) -> Iterator[tuple[Literal["text", "code", "time"], str]]:
    """Yield what a sentence is made of, in its order: words, what stands in backticks, times by RFC 3339."""
    at = 0
    for found in _PARTS.finditer(text):
        if found.start() > at:
            yield "text", text[at : found.start()]
        yield ("code", found["code"]) if found["code"] else ("time", found["time"])
        at = found.end()
    if at < len(text):
        yield "text", text[at:]
