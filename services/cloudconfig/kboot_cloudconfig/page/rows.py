"""All machines as rows, looked at once for all who watch, at most once a second."""

from __future__ import annotations

import asyncio
import secrets

from ..fleet import Fleet
from ..nodes import shown
from ..pieces import in_pieces
from ..row import Row
from .rack_pictures import RackPictures

_GOOD_FOR_S = 1.0


class Rows:
    """The rows of the fleet, and a number that grows whenever one of them is another."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lock = asyncio.Lock()
        self._rows: list[Row] = []
        self._looked_at = -_GOOD_FOR_S
        self.number = 0
        self.pictures = RackPictures()
        self.epoch = secrets.token_hex(4)  # of this server: the numbers of another begin anew, too

    async def current(self) -> list[Row]:
        """Return the rows, no more than a second old."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= _GOOD_FOR_S:
                rows = await in_pieces(self._fleet, lambda node: shown(self._fleet, node).row)
                if rows != self._rows:
                    self._rows = rows
                    self.number += 1
                self._looked_at = asyncio.get_running_loop().time()
            return self._rows
