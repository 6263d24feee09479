"""A client that asks a Service all the time, by a port of every node, and how much of that was lost."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from support.lab import Lab

Turn = tuple[float, float]  # in seconds of the clock: a node is drained, and back

# It ends once nobody holds its standard input any more.
_SCRIPT = """asks() {{
  while [ ! -e /tmp/ends ]; do
    at=$(date +%s)
    if curl -sf -o /dev/null --max-time {patience_s} "http://$1:{port}/"; then said=ok; else said=lost; fi
    echo "$at $1 $said"
    sleep 1
  done
}}
for each in {addresses}; do asks "$each" & done
cat >/dev/null
touch /tmp/ends
wait"""
_PATIENCE_S = 30  # a pod on an emulated machine takes seconds


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, when it was asked, and of which node."""

    at: float
    address: str
    is_answered: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """How many questions were asked of nodes that were not in their turn, and how many of these were not answered."""

    asked: int
    lost: int

    def __str__(self) -> str:
        return f"{self.lost} of {self.asked} lost"

    def is_no_more_than(self, other: Loss) -> bool:
        """Whether no more was lost than in `other`, but for what chance makes of a count: three standard deviations."""
        return self.lost <= other.lost + 3 * math.sqrt(other.lost + 1)


def asked_from(lines: Iterable[str]) -> list[Asked]:
    """The questions of which the client printed a line each."""
    words = [line.split() for line in lines]
    return [Asked(float(at), address, said == "ok") for at, address, said in words]


def loss_of(asked: Iterable[Asked], turns: Mapping[str, Collection[Turn]]) -> Loss:
    """What was lost; a node in its turn may be away, so what was asked of it is left out for so long."""
    counted = _counted(asked, turns)
    return Loss(len(counted), sum(not each.is_answered for each in counted))


def spans_of_loss(asked: Iterable[Asked], turns: Mapping[str, Collection[Turn]]) -> list[str]:
    """When no question was answered at a node that was not in its turn, for people, and how many these were."""
    spans: list[str] = []
    by_node = sorted(_counted(asked, turns), key=lambda each: each.address)
    for (address, is_answered), run in groupby(by_node, key=lambda each: (each.address, each.is_answered)):
        times = [each.at for each in run]
        if not is_answered:
            spans.append(f"{address} {_clock(times[0])} to {_clock(times[-1])}: {len(times)}")
    return spans


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _counted(asked: Iterable[Asked], turns: Mapping[str, Collection[Turn]]) -> list[Asked]:
    return [each for each in asked if not any(begin <= each.at <= end for begin, end in turns.get(each.address, ()))]


@contextmanager
def client_of(lab: Lab, addresses: Collection[str], port: int, log: Path) -> Iterator[None]:
    """Have a client ask from the network of the bootstrapper as long as this lasts; `log` has its lines."""
    script = _SCRIPT.format(patience_s=_PATIENCE_S, port=port, addresses=" ".join(addresses))
    command = [sys.executable, "-m", "kboot.cli.main", "lab", "exec", script]
    with (
        log.open("wb") as out,
        subprocess.Popen(command, env=lab.environment, stdin=subprocess.PIPE, stdout=out) as process,
    ):
        yield
        assert process.poll() is None, f"the client ended by itself: {log.read_text()[-1000:]}"
        process.communicate(timeout=_PATIENCE_S + 120)
    assert process.returncode == 0, log.read_text()[-1000:]
