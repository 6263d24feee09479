"""The standing of a node image or a binary on the bootstrapper."""

from __future__ import annotations

from enum import StrEnum


class Standing(StrEnum):
    """The state of a node image or a binary; `wrong` is there, but not what it should be."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
