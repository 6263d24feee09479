"""The part that switches a whole rack on: each machine makes all its requests from an address of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kboot.host.waiting import looks

from .dnsmasq import Dnsmasq
from .figures import Figure, Part, Spread, percentile, spread_of
from .processes import cpu_s, pss_bytes, with_children
from .rack import LeaseWriter
from .servers import Product
from .session import Session, say

_CROWD = Path(__file__).with_name("crowd.py")
_A_SECOND = 500  # machines that get their lease in a second
_PROCESSES = 2
_STEPS = ("boot.ipxe", "boot script, install", "initrd", "install.sh", "node config", "image", "report installed")


@dataclass(frozen=True, slots=True)
class Storm:
    """How a rack is switched on."""

    machines: int
    limit_s: float = 300
    sample_bytes: int = 65536
    has_dhcp: bool = False
    only_dhcp: bool = False
    within_s: float | None = None

    @property
    def spread_s(self) -> float:
        """The seconds within which all are switched on."""
        return self.machines / _A_SECOND if self.within_s is None else self.within_s


@dataclass(slots=True)
class Seen:
    """What machines and server saw of a storm."""

    took_s: dict[str, list[float]]
    reached: dict[str, list[float]]
    errors: Counter[str]
    counts: Counter[str]
    server_cpu_s: float = 0
    peak_bytes: int = 0
    longest_health_s: float = 0


class _Watch(threading.Thread):
    """Looks at the server while the storm lasts: its memory, and how long its health check takes."""

    def __init__(self, product: Product) -> None:
        super().__init__(daemon=True)
        self._product, self._is_over = product, threading.Event()
        self.peak_bytes, self.longest_s = 0, 0.0

    def run(self) -> None:
        while not self._is_over.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, pss_bytes(with_children([self._product.pid])))
            begin = time.monotonic()
            with suppress(OSError, SystemExit):
                self._product.get("/healthz")
            self.longest_s = max(self.longest_s, time.monotonic() - begin)

    def end(self) -> None:
        """End the watch."""
        self._is_over.set()
        self.join()


def run_storm(product: Product, storm: Storm) -> Seen:
    """Switch the rack of a started server on, and return what was seen."""
    writer = None if storm.has_dhcp else LeaseWriter(product.folder)
    begin = time.monotonic() + 2.5  # the processes start meanwhile
    watch = _Watch(product)
    before_s = cpu_s(with_children([product.pid]))
    watch.start()
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, str(number)) for number in range(_PROCESSES)]
        crowds = [_crowd(product, storm, begin, number, output) for number, output in enumerate(outputs)]
        if writer is not None:
            _lease(writer, storm, begin)
        codes = [each.wait() for each in crowds]
        taken_s = cpu_s(with_children([product.pid])) - before_s
        watch.end()
        if any(codes):
            raise SystemExit(f"a process of simulated machines ended with {codes}")
        seen = _added_up([json.loads(output.read_text()) for output in outputs])
    seen.server_cpu_s, seen.peak_bytes, seen.longest_health_s = taken_s, watch.peak_bytes, watch.longest_s
    return seen


def _crowd(product: Product, storm: Storm, begin: float, number: int, output: Path) -> subprocess.Popen[bytes]:
    first = 1 + storm.machines * number // _PROCESSES
    count = 1 + storm.machines * (number + 1) // _PROCESSES - first
    numbers = {
        "first": first,
        "count": count,
        "machines": storm.machines,
        "begin": begin,
        "within-s": storm.spread_s,
        "limit-s": storm.limit_s,
        "sample-bytes": storm.sample_bytes,
    }
    options = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
    options += ["--dhcp"] if storm.has_dhcp else []
    options += ["--only-dhcp"] if storm.only_dhcp else []
    folders = ["--authority", str(product.folder / "config" / "ca.pem"), "--nodes", str(product.folder / "nodes")]
    command = [sys.executable, str(_CROWD), "--host", str(product.address), *folders, *options]
    with output.open("wb") as out:
        return subprocess.Popen(command, stdout=out)


def _lease(writer: LeaseWriter, storm: Storm, begin: float) -> None:
    """Write leases at the pace at which machines are switched on, each before its machine begins."""
    given = 0
    for _ in looks(storm.spread_s + 10, 0.05):
        ahead = time.monotonic() - begin + 0.3
        due = (
            storm.machines if not storm.spread_s else min(storm.machines, int(storm.machines * ahead / storm.spread_s))
        )
        if due > given:
            writer.give(range(given + 1, due + 1))
            given = due
        if given == storm.machines:
            return


def _added_up(crowds: Sequence[dict[str, Any]]) -> Seen:
    seen = Seen(defaultdict(list), defaultdict(list), Counter(), Counter())
    for each in crowds:
        for step, took in each["took_s"].items():
            seen.took_s[step] += took
        for what, at in each["reached"].items():
            seen.reached[what] += at
        seen.errors.update(each["errors"])
        seen.counts.update({key: each[key] for key in ("given_up", "late", "repeats", "refusals", "cpu_s")})
    return seen


def one(values: dict[str, float]) -> dict[str, Spread]:
    """Return single values as spreads."""
    return {name: spread_of([value]) for name, value in values.items()}


def storm(session: Session, sizes: Sequence[int], *, has_dhcp: bool, sample_bytes: int, limit_s: float) -> Part:
    """Switch racks of these sizes on, one after the other, with each tree."""
    figures: list[Figure] = []
    for machines in sizes:
        found: dict[str, Seen] = {}
        how = Storm(machines, limit_s=limit_s, sample_bytes=sample_bytes, has_dhcp=has_dhcp)
        for number, tree in enumerate(session.trees):
            try:
                product = session.product(tree, number, machines, session.release(), are_leased=False)
                found[tree.name] = _run(session, product, how)
            except SystemExit as refusal:  # a tree may refuse so many machines; others may not
                say(f"  {tree.name}, {machines} machines: {refusal}")
            else:
                _tell(tree.name, machines, found[tree.name])
        figures += _figures(machines, found)
    what = f"{sample_bytes >> 10} KiB of initrd and of image" if sample_bytes else "the whole initrd and image"
    how_leased = "from dnsmasq, and its loader by TFTP" if has_dhcp else f"in the lease file, {_A_SECOND} a second"
    method = (
        f"Each machine has its lease ({how_leased}), then asks for boot.ipxe, its script, {what}, pxe.ign, install.sh,"
        " the clock, makes five reports and fetches its config over TLS, boots again and reports `running`: each"
        " request on a new connection from its own address, tried again after 20 s without a byte, ten times at most."
        f" The clients ({_PROCESSES} Python processes) share the machine with the server. One run each."
    )
    return Part("storm", "A rack switched on at once", method, tuple(figures))


def _run(session: Session, product: Product, how: Storm) -> Seen:
    try:
        product.start()
        with Dnsmasq(session.network, product).running(how.has_dhcp):
            return run_storm(product, how)
    finally:
        product.stop()


def _tell(name: str, machines: int, seen: Seen) -> None:
    last = max(seen.reached.get("running", [0]))
    done = len(seen.reached.get("running", []))
    say(
        f"  {name}, {machines} machines: {done} run, the last after {last:.1f} s; errors: {dict(seen.errors) or 'none'}"
    )


def _figures(machines: int, found: dict[str, Seen]) -> list[Figure]:
    def figure(name: str, unit: str, values: dict[str, float], wanted: str = "") -> Figure:
        return Figure(f"{machines:,} machines: {name}", unit, one(values), wanted=wanted)

    running = {name: seen.reached.get("running", []) for name, seen in found.items()}
    figures = [
        figure("running", "", {name: len(at) for name, at in running.items()}, wanted="all"),
        figure("to the last `running`", "s", {name: max(at, default=float("nan")) for name, at in running.items()}),
        figure("errors, tried again", "", {name: seen.errors.total() for name, seen in found.items()}, wanted="0"),
        figure("server CPU for each", "ms", {n: s.server_cpu_s / machines * 1000 for n, s in found.items()}),
        figure("peak memory of the server", "MB", {name: seen.peak_bytes / 1e6 for name, seen in found.items()}),
        figure("longest health check", "s", {name: seen.longest_health_s for name, seen in found.items()}),
    ]
    steps = (*_STEPS, *(step for step in ("DHCP", "TFTP") if any(step in seen.took_s for seen in found.values())))
    for step in steps:
        for share in (0.5, 0.99):
            took = {n: percentile(seen.took_s.get(step, []), share) * 1000 for n, seen in found.items()}
            figures.append(figure(f"{step}, p{share * 100:.0f}", "ms", took))
    return figures
