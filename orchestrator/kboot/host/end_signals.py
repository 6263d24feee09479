"""SIGTERM and SIGHUP end kboot as Ctrl-C does, by an exception: what must not be left behind is taken away on its way.

Left to themselves they end a process where it stands: an administrator's kubeconfig would stay in /tmp.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_STREAMS = (1, 2)


class Ended(KeyboardInterrupt):
    """Raised in the main thread at a signal that ends this process."""


@contextmanager
def ended_by_exception() -> Iterator[None]:
    """Raise Ended within at SIGTERM and SIGHUP; behind it the process ends by that signal, as its parent expects.

    Further ones change nothing then: a shell and the kernel both hang up, and the second would cut the tidying short.
    """
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        if came == [number]:
            raise Ended(f"ended by {signal.Signals(number).name}")

    with heard(END_SIGNALS, end):
        try:
            yield
        finally:
            if came:
                signal.signal(came[0], signal.SIG_DFL)
                os.kill(os.getpid(), came[0])


@contextmanager
def heard(numbers: Sequence[signal.Signals], act: Callable[[int], None]) -> Iterator[None]:
    """Have signals call `act` within; one that is ignored, as SIGHUP is under nohup, stays ignored."""

    def hear(number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _let_go_of_terminal()
        act(number)

    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _let_go_of_terminal() -> None:
    """Have go nowhere what would be printed on a terminal: it hung up, and each write would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in _STREAMS:
        with suppress(OSError):  # it was closed by who called
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)
