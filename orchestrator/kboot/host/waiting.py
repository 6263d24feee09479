"""Waiting for a condition of the world outside, always with a deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator


def looks(timeout_s: float, every_s: float = 0.5) -> Iterator[float]:
    """Yield the seconds gone by, once at first and then every `every_s`, until `timeout_s` is over.

    The caller leaves the loop when it sees what it waits for; a loop that ends by itself has waited in vain.
    """
    start = time.monotonic()
    while True:
        gone = time.monotonic() - start
        yield gone
        if gone >= timeout_s:
            return
        time.sleep(every_s)  # noqa: TID251 - the one place that sleeps: between two looks, under a deadline
