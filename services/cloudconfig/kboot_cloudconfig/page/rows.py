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
_OLD_S = 5.0  # a page that is watched asks every three seconds


class Rows:
    """The rows of the fleet, and a number that grows whenever one of them is another."""

    def __init__(self, fleet: Fleet, good_for_s: float = _GOOD_FOR_S) -> None:
        self._fleet, self._good_for_s = fleet, good_for_s
        self._lock = asyncio.Lock()
        self._rows: list[Row] = []
        self._looked_at = -_OLD_S
        self._looking: asyncio.Task[list[Row]] | None = None
        self.number = 0
        self.pictures = RackPictures()
        self.epoch = secrets.token_hex(4)  # of this server: the numbers of another begin anew, too

    @property
    def stamp(self) -> str:
        """What stands for the rows as they are."""
        return f"{self.epoch}-{self.number}"

    async def current(self) -> list[Row]:
        """Return the rows, no more than a second old."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= self._good_for_s:
                rows = await in_pieces(self._fleet, lambda node: shown(self._fleet, node).row)
                if rows != self._rows:
                    self._rows = rows
                    self.number += 1
                self._looked_at = asyncio.get_running_loop().time()
            return self._rows

    async def lately(self) -> list[Row]:
        """Return the rows of the last look at once, while a page is watched, and have it done again: nobody waits."""
        if asyncio.get_running_loop().time() - self._looked_at >= _OLD_S:
            return await self.current()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self.current())
        return self._rows
