"""Measure how fast the updater mirrors a release, against curl and gpgv by hand, one after the other.

`make bench` runs it. Both take the same release from the same server on loopback, in turns, and write it to the same
disk; each result is a ratio, since machines are noisy. The start of the updater's process is in its time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey

_VERSION = "3975.2.0"
_DESCRIPTION = """\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network: {{bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {{mode: "off"}}}}
os: {os}
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a mirror took: seconds, and seconds of processors."""

    wall_s: float
    cpu_s: float


class _Files(SimpleHTTPRequestHandler):
    """A folder's files, sent by the kernel, so that the server takes little from either side."""

    protocol_version = "HTTP/1.1"

    def copyfile(self, source: object, outputfile: object) -> None:
        """Send an open file."""
        self.connection.sendfile(source)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def spent_by(mirror: Callable[[], None]) -> Spent:
    """Run `mirror`, and return what its processes took."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    mirror()
    wall_s, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def mirror_by_hand(url: str, keyring: Path, target: Path) -> None:
    """Download each file of the release and its signature with curl, then verify it with gpgv."""
    target.mkdir()
    for name in NAMES.release_files:
        for part in (name, f"{name}.sig"):
            subprocess.run(["curl", "-sSf", "-o", str(target / part), f"{url}/{part}"], check=True)
        command = ["gpgv", "--keyring", str(keyring), "--", str(target / f"{name}.sig"), str(target / name)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def mirror_by_updater(url: str, key: bytes, site: Path) -> None:
    """Run the command of the updater's container."""
    folders = {f"KBOOT_{name.upper()}_DIR": str(site / name) for name in ("config", "images", "run")}
    for folder in folders.values():
        Path(folder).mkdir(parents=True)
    os_part = json.dumps({"release_url": url, "version": _VERSION})
    (site / "config/clusterdesc.yaml").write_text(_DESCRIPTION.format(os=os_part))
    (site / "config/release-key.asc").write_bytes(key)
    command = [sys.executable, "-m", "kboot_updater", "check"]
    subprocess.run(command, env={**os.environ, **folders}, check=True, capture_output=True)


def publish(folder: Path, key: SigningKey, size_mb: int) -> Path:
    """Write a signed release whose image has `size_mb` into `folder`, and return the release's folder."""
    release = ReleaseServer(folder).release(_VERSION, key, size=1 << 20)
    with (release / NAMES.image).open("wb") as stream:
        for _ in range(size_mb):
            stream.write(os.urandom(1 << 20))
    key.sign(release / NAMES.image)
    return release


def compare(size_mb: int, rounds: int) -> None:
    """Mirror a release in both ways, and print what the updater took as multiples of what it takes by hand."""
    key = SigningKey("release")
    with tempfile.TemporaryDirectory(prefix="kboot-bench-") as scratch:
        folder, public = Path(scratch), key.public()
        upstream = folder / "upstream"
        release = publish(upstream, key, size_mb)
        key.close()
        keyring = folder / "key.gpg"
        subprocess.run(["gpg", "--dearmor", "-o", keyring], input=public, check=True)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(upstream)))
        process = multiprocessing.Process(target=server.serve_forever)
        process.start()
        url = f"http://127.0.0.1:{server.server_port}"
        ways = (
            partial(mirror_by_updater, f"{url}/{{channel}}/{{board}}", public),
            partial(mirror_by_hand, f"{url}/{release.relative_to(upstream)}", keyring),
        )
        try:
            pairs = [[_mirrored(way, folder / "mirror") for way in ways] for _ in range(rounds)]
        finally:
            process.terminate()
            process.join()
            server.server_close()
    print(f"{size_mb} MB, {rounds} rounds, Python {platform.python_version()}, {platform.machine()}")
    _print_ratio("time", [ours.wall_s / hand.wall_s for ours, hand in pairs])
    _print_ratio("processor time", [ours.cpu_s / hand.cpu_s for ours, hand in pairs])


def _mirrored(way: Callable[[Path], None], target: Path) -> Spent:
    try:
        os.sync()  # what the round before wrote is not written in this one's time
        return spent_by(partial(way, target))
    finally:
        shutil.rmtree(target)


def _print_ratio(what: str, ratios: list[float]) -> None:
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"updater / curl and gpgv, {what}: {middle:.2f} ({low:.2f} to {high:.2f}), less is better")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, metavar="MB")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    compare(options.size, options.rounds)


if __name__ == "__main__":
    main()
