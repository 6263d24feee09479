"""A service hands over: at SIGHUP its next process takes over from the one that serves, and tells what came of it."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import NotYet
from .waiting import looks

_WITHIN_S = 320  # the time that services/cloudconfig gives its next server, and a little more


def hand_over(
    service: str, told: Callable[[], str], hang_up: Callable[[], None], logs: str, within_s: float = _WITHIN_S
) -> None:
    """Have the next process of `service` take over; raise NotYet where the one from before serves on.

    `told` returns what the service tells of its hand-overs: how many were done, and `serving`, `failed`, or `waiting`
    and for how many processes. `hang_up` sends SIGHUP, `logs` is the command that shows more.
    """
    before = after = told()
    hang_up()
    for _ in looks(within_s, 0.2):
        after = told()
        if after != before or _waits_for(after):
            break
    if busy := _waits_for(after):
        raise NotYet(
            f"{service} is still the one from before: {busy} servers before it finish downloads, and no more may",
            "the next one takes over by itself as soon as one of them is done, within half an hour",
        )
    if after == before:
        raise NotYet(
            f"{service} is still the one from before: its next process has not taken over in {within_s:.0f} s",
            f"it may yet do so by itself; read `{logs}`",
        )
    if not after.endswith("serving"):
        raise NotYet(f"{service} is the one from before: its next process did not take over", f"read `{logs}`")


def _waits_for(told: str) -> str:
    """Return for how many processes the next one waits; "" where it does not wait."""
    return told.partition(" waiting ")[2]
