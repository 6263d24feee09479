"""Parts of leases: how soon a rack has them from dnsmasq, and who has a token while they are renewed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

from .dnsmasq import Dnsmasq
from .figures import Figure, Part, Spread, percentile, spread_of
from .load import beside
from .network import machine_address
from .rack import LeaseWriter, found_in, mac_of
from .servers import Product
from .session import Session, say
from .storm import Storm, run_storm

_KINDS = (("in one moment", 0.0, "8", ""), ("within 3 s", 3.0, "3", "0"))
_ASKED = 600
_A_SECOND = 100  # rewrites of the lease file


def leases(session: Session, machines: int) -> Part:
    """Measure how long dnsmasq, as each tree configures it, takes to give a whole rack its leases."""
    figures: list[Figure] = []
    for case, within_s, wanted_s, wanted_repeats in _KINDS:
        found: dict[str, dict[str, float]] = {}
        for number, tree in enumerate(session.trees):
            product = session.product(tree, number, machines, session.release(), are_leased=False)
            product.start()
            try:
                with Dnsmasq(session.network, product).running() as dnsmasq:
                    how = Storm(machines, limit_s=90, has_dhcp=True, only_dhcp=True, within_s=within_s)
                    seen = run_storm(product, how)
                    took = seen.took_s["DHCP"]
                    found[tree.name] = {
                        "leases": len(took),
                        "to the last lease, s": max(seen.reached.get("leased", took), default=float("nan")),
                        "p50, s": percentile(took, 0.5),
                        "sent again": seen.counts["repeats"],
                        "dropped by its socket": dnsmasq.dropped(),
                        "CPU of dnsmasq, s": dnsmasq.cpu_s(),
                    }
            finally:
                product.stop()
            say(f"  {tree.name}, {machines} machines {case}: {found[tree.name]}")
        wanted = {"to the last lease, s": f"<= {wanted_s}", "sent again": wanted_repeats, "leases": f"{machines:,}"}
        for name in next(iter(found.values())):
            values = {tree: spread_of([each[name]]) for tree, each in found.items()}
            figures.append(Figure(f"{machines:,} machines {case}: {name}", "", values, wanted=wanted.get(name, "")))
    method = (
        "dnsmasq of the distribution, as rendered, over a cable of its own; a client sends again after 1, 2, 4 and 8 s,"
        " as iPXE does. One run each."
    )
    return Part("leases", "Leases", method, tuple(figures))


def tokens(session: Session, machines: int) -> Part:
    """Count the install.sh that come without a token to machines that are to have one, while leases are renewed."""
    figures: dict[str, Spread] = {}
    with session.standing(machines) as standing:
        for product in standing.products:
            product.wake()
            with _renewing(product, machines):
                without = sum(not _has_token(product, random.randint(1, machines)) for _ in range(_ASKED))  # noqa: S311
            product.rest()
            figures[product.name] = spread_of([100 * without / _ASKED])
            say(f"  {product.name}: {without} of {_ASKED} without a token")
    name = f"install.sh without a token, while {machines:,} leases are renewed"
    method = (
        f"The lease file is rewritten {_A_SECOND} times a second in the manner of dnsmasq; {_ASKED} machines ask, each"
        " from its own address."
    )
    return Part("tokens", "Tokens under renewals", method, (Figure(name, "%", figures, wanted="0"),))


def _has_token(product: Product, machine: int) -> bool:
    path = f"/install.sh?mac={mac_of(machine).replace(':', '-')}"
    script = product.get(path, source=machine_address(machine)).decode()
    return bool(found_in(r"^KBOOT_TOKEN='?([A-Za-z0-9_-]+)", script))


@contextmanager
def _renewing(product: Product, machines: int) -> Iterator[None]:
    writer, numbers = LeaseWriter(product.folder), cycle(range(1, machines + 1))
    writer.give(range(1, machines + 1))
    with beside(lambda: writer.give([next(numbers)]), _A_SECOND):
        yield
