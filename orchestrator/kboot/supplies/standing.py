"""How something that nodes fetch stands here."""

from __future__ import annotations

from enum import StrEnum


class Standing(StrEnum):
    """One word, for an image in the registry as for a binary."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
