"""Commands in what people are told: each is completed at the moment it is printed, so that it works when it is pasted.

What is wanted to complete one, the command line that runs, is a matter of the whole process, as that line is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Complete = Callable[[str], str]

_COMMAND = re.compile(r"`(kboot [^`\n]+)`")
_ways: list[Complete] = []


def complete_by(way: Complete | None) -> None:
    """Have the commands of all that is told from now on completed in this way; None: left as they are."""
    _ways[:] = [way] if way is not None else []


def told(text: str) -> str:
    """Return a text for people with each command that stands in it in backticks completed."""
    return _COMMAND.sub(lambda found: f"`{_ways[0](found[1])}`", text) if _ways else text
