"""A rendered file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """Content, mode and owner of a file below `<root>/<cluster>/`."""

    content: bytes
    mode: int = 0o644
    uid: int = 0
