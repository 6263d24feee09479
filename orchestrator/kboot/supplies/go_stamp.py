"""The version that a program of Kubernetes was linked with, read from its bytes: nothing is run to ask it.

Go's linker puts a string that is given by `-X` (`component-base/version.gitVersion`) on its own, at an address that is
a multiple of four, with a zero after it. Other strings of a Go program stand one after the other, with none between;
what has one, the paths of its sources, has a `/` or `@` before the version.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

_ALIGNED = 4  # bytes
_STAMP = rb"v\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{0,80})?\0"


def stamped_versions(program: Path, wanted: str) -> list[str]:
    """Return `wanted`, alone or with what a build adds to it, if a program was linked with it; else what it was."""
    with program.open("rb") as stream:
        if stream.seek(0, 2) == 0:
            return []
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return list(_stamps(content, re.escape(wanted.encode()) + rb"(?:\+[0-9A-Za-z.+-]{0,80})?\0")) or list(
                _stamps(content, _STAMP)
            )


def _stamps(content: mmap.mmap, pattern: bytes) -> Iterator[str]:
    for found in re.finditer(rb"(?<![/@])" + pattern, content):
        if found.start() % _ALIGNED == 0:
            yield found[0][:-1].decode()
