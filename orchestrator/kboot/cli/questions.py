"""Questions to the operator on a terminal, each asked until the answer is of use."""

from __future__ import annotations

import sys

from ..errors import BadInput
from .options import note


def chosen_number(what: str, count: int) -> int:
    """Return which of `count` is chosen, from 0 on; what is shown begins with 1."""
    while not (answer := _answer(what, "1")).isdecimal() or not 1 <= int(answer) <= count:
        note(f"a number from 1 to {count}")
    return int(answer) - 1


def host_label(what: str, default: str) -> str:
    """Return a name that a cluster or a machine can have."""
    from kboot_clusterdesc.types import is_host_label

    while not is_host_label(answer := _answer(what, default)):
        note("small letters, digits and dashes, at most 63")
    return answer


def _answer(what: str, default: str) -> str:
    print(f"{what} [{default}]: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise BadInput("the questions were not answered", "`kboot init --here` asks none")
    return line.strip() or default
