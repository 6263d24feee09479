"""Runs many simulated machines in this process, and prints what they saw as JSON; `storm.py` starts several of it."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import resource
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kboot_bench.dhcp import DhcpPort, Unanswered, fetch_loader
from kboot_bench.exchange import Address
from kboot_bench.machine import GivenUp, Log, Machine, Rack
from kboot_bench.network import machine_address
from kboot_bench.rack import mac_of

_LOADER = "undionly.kpxe"


class Crowd:
    """The machines of this process, and how they come to their addresses."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._log = options, Log()
        self._port = DhcpPort() if options.dhcp else None
        context = ssl.create_default_context(cafile=options.authority)
        self._rack = Rack(
            server=Address(options.host, context),
            nodes=options.nodes,
            sample_bytes=options.sample_bytes,
            progress=options.progress,
            begin=options.begin,
            log=self._log,
        )

    async def live(self) -> dict[str, object]:
        """Let all live, no longer than the limit, and return what they saw."""
        machines = range(self._options.first, self._options.first + self._options.count)
        tasks = [asyncio.create_task(self._live(number)) for number in machines]
        _, late = await asyncio.wait(tasks, timeout=self._options.limit_s)
        for each in late:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in tasks:
            if not each.cancelled() and (error := each.exception()) is not None:
                self._log.errors[f"the simulated machine itself: {error!r}"] += 1
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "took_s": self._log.took_s,
            "errors": self._log.errors,
            "reached": self._log.reached,
            "given_up": self._log.given_up,
            "late": len(late),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "repeats": self._port.repeats if self._port else 0,
            "refusals": self._port.refusals if self._port else 0,
        }

    async def _live(self, number: int) -> None:
        switched_on = self._options.begin + self._options.within_s * number / self._options.machines
        await asyncio.sleep(max(0.0, switched_on - asyncio.get_running_loop().time()))
        if self._options.only_dhcp:
            with suppress(GivenUp):
                await self._lease(number, is_first=True)
            return
        firsts = iter([True])
        lease: Callable[[], Awaitable[str]] = lambda: self._lease(number, is_first=next(firsts, False))  # noqa: E731
        await Machine(self._rack, mac_of(number), lease).live()

    async def _lease(self, number: int, *, is_first: bool) -> str:
        if self._port is None:
            return str(machine_address(number))
        loop = asyncio.get_running_loop()
        try:
            begin = loop.time()
            address = await self._port.lease(mac_of(number))
            self._log.took_s["DHCP"].append(loop.time() - begin)
            if is_first and not self._options.only_dhcp:
                begin = loop.time()
                await fetch_loader(address, self._options.host, _LOADER)
                self._log.took_s["TFTP"].append(loop.time() - begin)
        except Unanswered as error:
            self._log.errors[f"unanswered: {'TFTP' if str(error) == _LOADER else 'DHCP'}"] += 1
            self._log.given_up += self._options.only_dhcp
            raise GivenUp from error
        return address


async def _main(options: argparse.Namespace) -> dict[str, object]:
    return await Crowd(options).live()


def main() -> None:
    """Run the machines, and print what they saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--authority", required=True, help="the cluster's CA")
    parser.add_argument("--nodes", type=Path, required=True, help="the folder of what machines are given")
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--machines", type=int, required=True, help="of all processes")
    parser.add_argument(
        "--begin", type=float, required=True, help="when the rack is switched on, by the monotonic clock"
    )
    parser.add_argument(
        "--within-s", type=float, required=True, help="in which all are switched on, one after the other"
    )
    parser.add_argument("--limit-s", type=float, required=True)
    parser.add_argument("--sample-bytes", type=int, default=65536, help="of initrd and image; 0 for whole ones")
    parser.add_argument("--progress", type=int, default=1, help="reports while the image is written")
    parser.add_argument("--dhcp", action="store_true", help="ask dnsmasq for leases, and for the first loader")
    parser.add_argument("--only-dhcp", action="store_true", help="and for nothing else")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each machine has a connection
    loops: Any = asyncio
    with suppress(ModuleNotFoundError):
        loops = importlib.import_module("uvloop")  # where it is there: the clients share the processors with the server
    print(json.dumps(loops.run(_main(options))))


if __name__ == "__main__":
    main()
