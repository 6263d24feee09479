"""Measure how fast the cloud-config server hands out an OS image, against Python's threaded file server.

`make bench` runs it. Both servers hand out the same file on loopback, in turns; the result is a ratio of their
speeds, since machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvicorn

from kboot.host.waiting import looks
from kboot_cloudconfig.app import create_app
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.settings import settings_from
from kboot_lab import release_server

_PATH = "stable/1.0.0/image.bin.bz2"


def serve(port: int, folder: Path) -> None:
    """Run the cloud-config server's application over `folder`, without the server's TLS port."""
    environ = {"KBOOT_DATA_DIR": str(folder), "KBOOT_CONFIG_DIR": str(folder), "KBOOT_UID": str(os.getuid())}
    settings = settings_from(environ)
    uvicorn.run(create_app(Fleet(settings)), host="127.0.0.1", port=port, log_config=None, access_log=False)


def download_s(port: int, size_bytes: int) -> float:
    """Download the image once, drop its bytes, and return the seconds that it took."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET /{_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        buffer, received = bytearray(1 << 20), 0
        while count := connection.recv_into(buffer):
            received += count
    if received < size_bytes:
        raise SystemExit(f"port {port}: {received} bytes instead of {size_bytes}")
    return time.monotonic() - begin


def wait_for(port: int) -> None:
    """Wait until a server listens on `port`; ends the program after a minute."""
    for _ in looks(60, 0.1):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            continue
        return
    raise SystemExit(f"nobody listens on port {port}")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def compare(size_mb: int, rounds: int) -> None:
    """Measure both servers and print the throughput of cloudconfig as a multiple of the file server's."""
    size_bytes = size_mb << 20
    with tempfile.TemporaryDirectory(prefix="kboot-bench-") as folder:
        image = Path(folder) / "images" / _PATH
        image.parent.mkdir(parents=True)
        with image.open("wb") as stream:
            for _ in range(size_mb):
                stream.write(b"\xa5" * (1 << 20))
        ours, other = free_port(), free_port()
        servers = [
            subprocess.Popen([sys.executable, __file__, "--serve", str(ours), folder]),
            subprocess.Popen([sys.executable, release_server.__file__, str(image.parents[2]), "--port", str(other)]),
        ]
        try:
            wait_for(ours)
            wait_for(other)
            ratios = [download_s(other, size_bytes) / download_s(ours, size_bytes) for _ in range(rounds)]
        finally:
            for server in servers:
                server.terminate()
                server.wait()
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"{size_mb} MB, {rounds} rounds, Python {platform.python_version()}, {platform.machine()}")
    print(f"cloudconfig / threaded file server: {middle:.2f} ({low:.2f} to {high:.2f}), more is faster")


def main() -> None:
    """Run the benchmark, or with `--serve` the cloud-config server that it measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, metavar="MB")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(int(options.serve[0]), Path(options.serve[1]))
    else:
        compare(options.size, options.rounds)


if __name__ == "__main__":
    main()
