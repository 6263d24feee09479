"""Reads from /proc what processes took: their CPU time, that of the kernel's network threads, their memory."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def with_children(pids: Iterable[int]) -> list[int]:
    """Return these processes and all that they started and that run."""
    found: list[int] = []
    for pid in pids:
        found.append(pid)
        with suppress(OSError):
            for task in (_PROC / str(pid) / "task").iterdir():
                found += with_children(map(int, (task / "children").read_text().split()))
    return found


def network_threads() -> list[int]:
    """Return the kernel's threads that take packets: on loopback much of a server's work is theirs."""
    found = []
    for comm in _PROC.glob("[0-9]*/comm"):
        with suppress(OSError):
            if comm.read_text().startswith("ksoftirqd/"):
                found.append(int(comm.parent.name))
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes took so far, with those of their children that have ended."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            words = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))
    return ticks / _TICKS


def pss_bytes(pids: Iterable[int]) -> int:
    """Return the memory of processes; what several share counts once (proc(5), smaps_rollup)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", (_PROC / str(pid) / "smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) * 1024 if found else 0
    return total


def _busy_s() -> float:
    """Return the seconds that all processors were busy so far, for whomever; what a hypervisor took counts too."""
    words = list(map(int, (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(words) - words[3] - words[4]) / _TICKS


@dataclass(frozen=True, slots=True)
class Taken:
    """What passed in a window: its seconds, our CPU seconds (servers, clients, network threads), all others' share."""

    seconds: float
    cpu_s: float
    foreign: float  # of all processors


class Clock:
    """Measures a window of some processes."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = [*with_children(pids), *network_threads()]
        self._begin = self._now()

    def taken(self) -> Taken:
        """Return what passed since this clock was made."""
        seconds, ours_s, busy_s = (now - then for now, then in zip(self._now(), self._begin, strict=True))
        foreign = max(0.0, busy_s - ours_s) / (seconds * (os.cpu_count() or 1))
        return Taken(seconds, ours_s, foreign)

    def _now(self) -> tuple[float, float, float]:
        return time.monotonic(), cpu_s(self._pids), _busy_s()
