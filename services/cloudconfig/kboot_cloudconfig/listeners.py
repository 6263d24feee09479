"""Who waits for the next event: each stream of events has a flag that is set when one was kept."""

from __future__ import annotations

import asyncio


class Listeners:
    """The flags of all streams of events."""

    def __init__(self) -> None:
        self._flags: set[asyncio.Event] = set()
        self.is_ending = False

    def __len__(self) -> int:
        return len(self._flags)

    def add(self) -> asyncio.Event:
        """Return a flag that is set at each event, until `remove`."""
        flag = asyncio.Event()
        self._flags.add(flag)
        return flag

    def remove(self, flag: asyncio.Event) -> None:
        """Stop setting the flag that `add` returned."""
        self._flags.discard(flag)

    def call(self) -> None:
        """Set each flag: there is an event more."""
        for flag in self._flags:
            flag.set()

    def end(self) -> None:
        """Have every stream end, so that the server can end."""
        self.is_ending = True
        self.call()
