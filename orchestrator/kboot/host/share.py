"""Shows which share of a work of several steps is done: a bar on a terminal, elsewhere nothing beside its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from .progress import Progress

Ended = Callable[[float], None]  # takes the size of a step that has ended


@contextmanager
def shown_share(progress: Callable[[str], None], name: str, whole: float, unit: str) -> Iterator[Ended]:
    """Yield a function to be called as each step ends, from whichever thread; the bar goes with the work.

    `whole` is the size of all steps in `unit`. A `progress` that prints lines alone has no bar.
    """
    if not isinstance(progress, Progress) or not whole:
        yield lambda _: None
        return
    done, one_at_a_time = 0.0, Lock()

    def ended(size: float) -> None:
        nonlocal done
        with one_at_a_time:
            done += size
            progress.bar(name, done, whole, unit)

    progress.bar(name, 0, whole, unit)
    try:
        yield ended
    finally:
        progress.clear()
