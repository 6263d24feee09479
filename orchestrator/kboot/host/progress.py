"""Progress for people: one moving line on a terminal, one line a change elsewhere. Always on stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO


class Progress:
    """A printer of what is going on. `is_live` is true on a terminal, where a line may be rewritten."""

    def __init__(self, stream: TextIO | None = None, *, is_live: bool | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        dumb = os.environ.get("TERM") == "dumb"
        self.is_live = self._stream.isatty() and not dumb if is_live is None else is_live
        self._moving = 0
        self._said: dict[str, str] = {}

    def __call__(self, text: str) -> None:
        """Print `text` as a line that stays, as `say` does."""
        self.say(text)

    def say(self, text: str) -> None:
        """Print `text` as a line that stays."""
        self.clear()
        print(text, file=self._stream, flush=True)

    def state(self, name: str, text: str) -> None:
        """Say that `name` is now `text`; said again only when it differs."""
        if self._said.get(name) == text:
            return
        self._said[name] = text
        self.say(f"  {name:<14} {text}")

    def block(self, lines: list[str]) -> None:
        """Show `lines` in place of the last block on a terminal; elsewhere nothing, `state` is for that."""
        if not self.is_live:
            return
        self.clear()
        for line in lines:
            print(line, file=self._stream)
        self._stream.flush()
        self._moving = len(lines)

    def clear(self) -> None:
        """Erase the last block from the terminal."""
        if self._moving:
            self._stream.write(f"\x1b[{self._moving}F\x1b[J")
            self._moving = 0
