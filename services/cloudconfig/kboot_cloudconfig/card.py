"""A network card as its machine reports it from memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .body import WHOLE, Body
from .told_text import Plain

CARDS_AT_MOST = 128

KeptCard = Mapping[str, str | int | None]  # a Card as JSON, kept and shown as it was told


class Link(StrEnum):
    """Whether there is a signal on a card's cable."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"  # the OS in memory has not switched the card on


class Card(Body):
    """What a machine says of one of its cards."""

    name: Plain = Field(max_length=60)  # the kernel's
    mac: str = Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5,19}$")  # InfiniBand's has 20 bytes
    link: Link
    speed_mbit: Annotated[int, Field(ge=1, le=10_000_000), WHOLE] | None = None  # where the card does not tell
    driver: Plain = Field(default="", max_length=60)

    def kept(self) -> KeptCard:
        """Return the form in which a machine's state has it."""
        return self.model_dump(mode="json")
