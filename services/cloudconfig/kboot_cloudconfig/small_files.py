"""Reads small files that kboot rendered: each once, and again when it changed."""

from __future__ import annotations

import os


class SmallFiles:
    """The contents of the files that were read so far."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[tuple[int, int, int], bytes]] = {}

    def content(self, path: str) -> bytes:
        """Return the content of the file at `path`; raise OSError where it cannot be read."""
        stat = os.stat(path)
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            with open(path, "rb") as file:
                known = self._read[path] = stamp, file.read()
        return known[1]

    def text(self, path: str) -> str:
        """Return the content of the file at `path` as text; raise OSError where it cannot be read."""
        return self.content(path).decode()
