"""What is said of one key of a description."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """What one key of a description is for, and a line that sets it."""

    meaning: str
    example: str
