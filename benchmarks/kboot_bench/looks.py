"""The part of looks at the whole rack: what one takes, what others wait, and what the server takes at rest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kboot.host.waiting import looks as paced

from .figures import Figure, Part, Spread, figure_of, spread_of
from .load import Request, beside, probed
from .processes import cpu_s, with_children
from .rack import mac_of
from .servers import Product
from .session import Session, say

_LOOKS = ("/v1/nodes", "/", "/metrics")
_IDLE_S, _PROBED_S = 60, 6  # what is done once a minute is in it
_NOTED_S = 60  # for all leases, after the start
_PAGES = 3


def looks(session: Session, sizes: Sequence[int]) -> Part:
    """Measure looks at racks of these sizes, and the server at rest."""
    figures: list[Figure] = []
    for machines in sizes:
        with session.standing(machines) as standing:
            took: dict[str, list[dict[str, float]]] = {path: [] for path in _LOOKS}
            waited, idle = {}, {}
            for each in standing.products:
                each.wake()
                say(f"  {each.name}, {machines} machines: at rest, looked at")
                _wait_for_leases(each, machines)
                idle[each.name] = _idle(each)
                for path in _LOOKS:
                    took[path] += [{each.name: _look_ms(each, path)} for _ in range(session.rounds)]
                with _looked_at(each):
                    boot = Request(f"/boot/{mac_of(1).replace(':', '-')}.ipxe")
                    waited[each.name] = probed(each, boot, _PROBED_S)["most"]
                each.rest()
        size = f"{machines:,} machines"
        for path in _LOOKS:
            figures.append(Figure(f"{size}: {path}", "ms", _by_server(took[path])))
        name = f"{size}: longest wait of a boot script, beside {_PAGES} looks a second"
        figures.append(Figure(name, "ms", _single(waited), wanted="<= 50"))
        figures.append(Figure(f"{size}: CPU at rest", "% of one", _single(idle), wanted="< 1"))
    method = (
        "One look at a time over plain HTTP. At rest all machines hold a lease that was noted, and nobody asks for"
        f" anything for {_IDLE_S} s."
    )
    return Part("looks", "Looks at the rack", method, tuple(figures))


def _by_server(rounds: Sequence[dict[str, float]]) -> dict[str, Spread]:
    names = dict.fromkeys(name for each in rounds for name in each)
    return {name: spread_of([each[name] for each in rounds if name in each]) for name in names}


def _single(values: dict[str, float]) -> dict[str, Spread]:
    return figure_of("", "", [values]).values


def _look_ms(product: Product, path: str) -> float:
    begin = time.monotonic()
    product.get(path)
    return (time.monotonic() - begin) * 1000


def _wait_for_leases(product: Product, machines: int) -> None:
    """Return once all machines are `leased`: to note their leases is work of its start, not rest."""
    for _ in paced(_NOTED_S, 0.5):
        if product.get("/v1/nodes").count(b'"phase":"leased"') == machines:
            return
    raise SystemExit(f"{product.name} does not note the leases of {machines} machines")


def _idle(product: Product) -> float:
    """Return the share of one processor, in percent, that the server takes while nobody asks."""
    pids = with_children([product.pid])
    before_s, begin = cpu_s(pids), time.monotonic()
    for _ in paced(_IDLE_S, _IDLE_S):
        pass
    return 100 * (cpu_s(pids) - before_s) / (time.monotonic() - begin)


@contextmanager
def _looked_at(product: Product) -> Iterator[None]:
    """Have as many status pages open as there are looks in a second."""
    with beside(lambda: product.get("/v1/nodes"), _PAGES):
        yield
