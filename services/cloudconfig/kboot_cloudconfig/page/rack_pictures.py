"""Draws the picture of the racks, of which only the parts that changed are drawn anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..row import Row
from .answer import PAGES
from .racks import Box, racks_of

_BOXES_AT_ONCE = 200  # some milliseconds


class RackPictures:
    """The picture as it was drawn last, for all who watch."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._drawn: dict[tuple[str, int], tuple[tuple[Box, ...], str]] = {}  # by rack, and where in it a part begins
        self._number, self._html = "", ""

    async def html(self, rows: Iterable[Row], number: str) -> str:
        """Return the picture of `rows`, which have another number whenever one of them is another."""
        async with self._lock:
            if number != self._number:
                self._html = await self._draw(rows)
                self._number = number
            return self._html

    async def _draw(self, rows: Iterable[Row]) -> str:
        """Draw the racks one after the other; others have their turn before each part that is drawn anew."""
        drawn: dict[tuple[str, int], tuple[tuple[Box, ...], str]] = {}
        racks = []
        for rack in racks_of(rows):
            for begin in range(0, len(rack.boxes), _BOXES_AT_ONCE):
                boxes, part = rack.boxes[begin : begin + _BOXES_AT_ONCE], (rack.name, begin)
                known = self._drawn.get(part)
                if known is None or known[0] != boxes:
                    await asyncio.sleep(0)
                    known = boxes, PAGES.get_template("boxes.html.j2").render(boxes=boxes)
                drawn[part] = known
            parts = (drawn[rack.name, begin][1] for begin in range(0, len(rack.boxes), _BOXES_AT_ONCE))
            racks.append((rack, "".join(parts)))
        self._drawn = drawn
        return PAGES.get_template("racks.html.j2").render(racks=racks)
