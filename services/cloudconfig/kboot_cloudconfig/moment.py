"""Remembers for some milliseconds what a look at files found: under load each is looked at some times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Found = TypeVar("Found")

_MOMENT_S = 0.005


class Moment:
    """What was found since this moment began; the next one begins with nothing."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}
        self._until = 0.0

    def get(self, key: Hashable, look: Callable[[], Found]) -> Found:
        """Return what was found for `key` in this moment, else what `look` finds; a look that raises is none."""
        now = time.monotonic()
        if now >= self._until:
            self._found.clear()
            self._until = now + _MOMENT_S
        if key not in self._found:
            self._found[key] = look()
        found: Found = self._found[key]
        return found
