"""Measure how dnsmasq gives leases, configured as kboot renders it, to a rack that is switched on.

`make bench` runs it, as root, where dnsmasq is installed. Server and machines have network namespaces of their own,
with a cable between them. Each machine asks as iPXE does, again after 1, 2, 4 and 8 seconds, and then gives up. Half of
them are declared, each with an address; the others get one of the range.
"""

from __future__ import annotations

import argparse
import heapq
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kboot.render.dhcp import dhcp_files
from kboot_clusterdesc import ClusterDesc, load_text
from service.dnsmasq.daemon import OWN, SERVED, Site, network, started
from support.dhcp_client import ACK, DISCOVER, NAK, OFFER, REQUEST, DhcpClient, number_of, parsed_frame
from support.machines import ipxe

_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 10.0)  # after each message; after the last pause iPXE gives up
_ETH_P_IP = 0x0800
_SO_RCVBUFFORCE = 33
_OPTIONS = dict(ipxe())


@dataclass(slots=True)
class Machine:
    """A card that asks until it has a lease; times are seconds since the first was switched on."""

    client: DhcpClient
    on_s: float
    frame: bytes = b""
    number: bytes = b""
    sent: int = 0
    leased_s: float | None = None

    def begin(self, kind: int, more: dict[int, bytes] | None = None) -> None:
        """Have another message to send."""
        self.frame, self.number = self.client.frame(kind, {**_OPTIONS, **(more or {})})
        self.sent = 0


@dataclass(slots=True)
class Storm:
    """Machines that are switched on one after the other, and what became of their messages."""

    machines: list[Machine]
    repeats: int = 0
    refused: int = 0
    dropped: int = 0
    cpu_s: float = 0.0
    _begin: float = 0.0
    _asking: dict[bytes, Machine] = field(default_factory=dict)
    _due: list[tuple[float, bytes]] = field(default_factory=list)

    def run(self, sock: socket.socket) -> None:
        """Switch them on, and wait until each has a lease or has given up."""
        for machine in self.machines:
            machine.begin(DISCOVER)
            self._put_down(machine, machine.on_s)
        self._begin = time.monotonic()
        while self._asking:
            self._send_due(sock)
            sock.settimeout(max(0.001, self._due[0][0] - self._now_s()) if self._due else 0.001)
            for frame in _frames(sock):
                self._take(frame, sock)

    def _now_s(self) -> float:
        return time.monotonic() - self._begin

    def _put_down(self, machine: Machine, at_s: float) -> None:
        self._asking[machine.number] = machine
        heapq.heappush(self._due, (at_s, machine.number))

    def _send_due(self, sock: socket.socket) -> None:
        while self._due and self._due[0][0] <= self._now_s():
            _, number = heapq.heappop(self._due)
            machine = self._asking.get(number)
            if machine is None:
                continue
            if machine.sent == len(_PAUSES_S):
                del self._asking[number]
            else:
                self._send(machine, sock)

    def _send(self, machine: Machine, sock: socket.socket) -> None:
        sock.send(machine.frame)
        self.repeats += machine.sent > 0
        machine.sent += 1
        self._put_down(machine, self._now_s() + _PAUSES_S[machine.sent - 1])

    def _take(self, frame: bytes, sock: socket.socket) -> None:
        machine = self._asking.pop(number_of(frame) or b"", None)
        if machine is None:
            return
        reply = parsed_frame(frame)
        if reply.kind == OFFER:
            machine.begin(REQUEST, {50: reply.address.packed, 54: reply.options[54]})
            self._send(machine, sock)
        elif reply.kind == ACK:
            machine.leased_s = self._now_s()
        elif reply.kind == NAK:
            self.refused += 1
            machine.begin(DISCOVER)
            self._send(machine, sock)

    def __str__(self) -> str:
        waits = [each.leased_s - each.on_s for each in self.machines if each.leased_s is not None]
        last = max((each.leased_s for each in self.machines if each.leased_s is not None), default=0.0)
        return (
            f"{len(waits)} leases, {len(self.machines) - len(waits)} without; {self.repeats} messages repeated, "
            f"{self.dropped} dropped by the socket, {self.refused} refused; half within "
            f"{statistics.median(waits or [0]):.2f} s, the last after {last:.1f} s; {self.cpu_s:.2f} s of a processor"
        )


def rack(nodes: int) -> ClusterDesc:
    """Return a rack of as many declared nodes, and a range for 8,000 machines more."""
    text = SERVED.replace("10.10.14.0/24", "10.10.0.0/16").partition("nodes:")[0]
    text = text.replace("[10.10.14.100, 10.10.14.199]", "[10.10.128.1, 10.10.159.250]")
    lines = [
        f'  - {{mac: "{_mac(n)}", name: n{n}, ip: 10.10.{64 + n // 200}.{n % 200 + 1}, roles: [worker]}}'
        for n in range(nodes)
    ]
    return load_text("\n".join((f"{text}nodes:", *lines, "")), "rack.yaml")


def measure(count: int, declared: int, within_s: float, folder: Path) -> Storm:
    """Start dnsmasq for `declared` nodes, and switch on `count` machines within a time."""
    with network("bench", SERVED, folder) as site:
        for path, content in dhcp_files(rack(declared), OWN).items():
            place = site.mounts["/etc"] if path.endswith(".conf") else site.mounts["/etc"] / "kboot"
            (place / Path(path).name).write_bytes(content)
        order = sorted(range(count), key=lambda n: n * 7919 % count)  # declared ones among the others
        storm = Storm([Machine(site.machine(_mac(n)), place * within_s / count) for place, n in enumerate(order)])
        with started(site):
            _run(storm, site)
        return storm


def _run(storm: Storm, site: Site) -> None:
    dnsmasq = _process(site)
    cpu_s, dropped = _cpu_s(dnsmasq), _dropped(dnsmasq)
    with site.machines.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 26)
        sock.bind((OWN, _ETH_P_IP))
        storm.run(sock)
    storm.cpu_s, storm.dropped = _cpu_s(dnsmasq) - cpu_s, _dropped(dnsmasq) - dropped


def _mac(number: int) -> str:
    return f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _frames(sock: socket.socket) -> Iterator[bytes]:
    """Yield what came, at most what has room in a moment; waits for the first."""
    try:
        yield sock.recv(2048)
        sock.settimeout(0)
        for _ in range(64):
            yield sock.recv(2048)
    except (TimeoutError, BlockingIOError):
        return
    finally:
        sock.settimeout(1)  # to send


def _process(site: Site) -> int:
    pids = subprocess.run(["ip", "netns", "pids", site.server.name], capture_output=True, text=True, check=True)
    (pid,) = [int(each) for each in pids.stdout.split()]
    return pid


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _dropped(pid: int) -> int:
    lines = Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]
    return sum(int(line.split()[-1]) for line in lines if line.split()[1].endswith(":0043"))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--declared", type=int, help="how many of them are in the description (half)")
    parser.add_argument("--within", type=float, action="append", metavar="SECONDS", help="(0 and 3)")
    options = parser.parse_args()
    declared = options.machines // 2 if options.declared is None else options.declared
    for within_s in options.within or (0.0, 3.0):
        with tempfile.TemporaryDirectory(prefix="kboot-bench-") as folder:
            storm = measure(options.machines, declared, within_s, Path(folder))
        print(f"{options.machines} machines, {declared} declared, within {within_s:.0f} s: {storm}", flush=True)


if __name__ == "__main__":
    main()
