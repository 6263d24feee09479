"""A rack that renews its leases while it installs: dnsmasq rewrites its file all the time."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from kboot_clusterdesc import Mac
from service.cloudconfig.conftest import HEAD, Server

_LEASES, _REWRITES, _REQUESTS, _PERIOD_S = 1000, 100, 3000, 10
_PIECE = 4096  # of the buffer that dnsmasq writes through


def _machine(number: int) -> tuple[Mac, str]:
    return Mac(f"52:54:00:01:{number >> 8:02x}:{number & 255:02x}"), f"127.0.{1 + (number >> 8)}.{number & 255}"


_DECLARED = range(_LEASES - 20, _LEASES)  # their lines stand last in the file
_DESCRIPTION = (
    HEAD
    + "os: {channel: stable}\nnodes:\n"
    + "".join(f'  - {{mac: "{_machine(each)[0]}", roles: [worker]}}\n' for each in _DECLARED)
)


def _leases(renewals: int) -> bytes:
    later = int(time.time()) + 3600 + renewals
    lines = (f"{later} {mac} {address} * *\n" for mac, address in map(_machine, range(_LEASES)))
    return "".join(lines).encode()


@contextmanager
def _renewing(path: Path) -> Iterator[None]:
    """The file is rewritten as dnsmasq does it: emptied in place, written in pieces, synced."""
    ended = threading.Event()

    def renew() -> None:
        number = 0
        with path.open("r+b", buffering=0) as file:
            while not ended.wait(_PERIOD_S / (_REWRITES * _PERIOD_S)):
                number += 1
                content = _leases(number)
                file.seek(0)
                file.truncate()
                for at in range(0, len(content), _PIECE):
                    file.write(content[at : at + _PIECE])
                os.fsync(file.fileno())

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_thousand_renewals_leave_no_machine_without_its_token(tmp_path: Path) -> None:
    server = Server(tmp_path, "ignition", _DESCRIPTION)
    lease_file = server.folder.leases / "dnsmasq.leases"
    lease_file.write_bytes(_leases(0))

    def script(number: int) -> str:
        mac, address = _machine(_DECLARED[number % len(_DECLARED)])
        connection = http.client.HTTPConnection("127.0.0.1", server.ports[0], timeout=30, source_address=(address, 0))
        try:
            connection.request("GET", f"/install.sh?mac={mac}")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    server.start()
    try:
        server.wait_phase(_machine(_DECLARED[0])[0], "leased")
        with _renewing(lease_file), ThreadPoolExecutor(4) as pool:
            scripts = list(pool.map(script, range(_REQUESTS)))
    finally:
        server.stop()
    without = [each for each in scripts if "\nKBOOT_ARMED=yes\n" not in each]
    assert not without, f"{len(without)} of {_REQUESTS}"
