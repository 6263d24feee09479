"""Measure how fast a bundle is written and loaded, against `cp` and `openssl sha256` of the same bytes.

`make bench` runs it. The contents are random, so nothing compresses or copies them by reference. Each is done in turns
in a process of its own, whose peak of memory is read; the result is a ratio of times, since machines are noisy.
"""

from __future__ import annotations

import argparse
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
from pathlib import Path

from kboot.bundle.collect.collected import Collected
from kboot.bundle.create import Form, bundle_manifest, write_bundle
from kboot.bundle.load import load_bundle
from kboot.host.progress import Progress
from kboot.supplies.bundle_manifest import Item, Kind

_PARTS = 8


def contents(folder: Path, size_bytes: int) -> Collected:
    """Fill a cache with some contents of random bytes, and return it."""
    collected = Collected(folder / "cache")
    folder.joinpath("given").mkdir(parents=True)
    for number in range(_PARTS):
        with (folder / "given" / f"{number}").open("wb") as stream:
            for _ in range(size_bytes // _PARTS >> 20):
                stream.write(os.urandom(1 << 20))
    return collected


def items(folder: Path, collected: Collected) -> list[Item]:
    """Return the contents as items of a bundle; their hashes are taken once and remembered."""
    found: list[Item] = []
    for path in sorted((folder / "given").iterdir()):
        blob = collected.refer(path)
        found.append(
            Item(kind=Kind.BINARY, name=path.name, digest=blob.digest, size=blob.size, path=f"cni/{path.name}")
        )
    return found


def create(folder: Path) -> None:
    """Write the bundle."""
    collected = Collected(folder / "cache")
    manifest = bundle_manifest(items(folder, collected), ["bench"], [], "0.1.0", Form())
    write_bundle(folder / "bench.kboot", manifest, collected, Form(), lambda text: None)


def load(folder: Path) -> None:
    """Load the bundle into an empty root."""
    shutil.rmtree(folder / "root", ignore_errors=True)
    load_bundle(folder / "bench.kboot", folder / "root", {}, "0.1.0", Progress())


def copy_and_hash(folder: Path) -> None:
    """Copy the bundle to the disk, and hash the copy, by OpenSSL: coreutils may take four times as long."""
    source, copy = folder / "bench.kboot", folder / "copy"
    copy.unlink(missing_ok=True)
    subprocess.run(["cp", "--reflink=never", source, copy], check=True)
    subprocess.run(["sync", copy], check=True)
    subprocess.run(["openssl", "sha256", copy], check=True, stdout=subprocess.DEVNULL)


def measured(work: Callable[[Path], None], folder: Path) -> tuple[float, int]:
    """Do work in a process of its own; return its seconds and its peak of memory in KiB."""
    subprocess.run(["sync"], check=True)
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(folder)
            code = 0
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"{work.__name__} failed")
    return time.monotonic() - begin, usage.ru_maxrss


def main() -> None:
    """Print the figures of this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (the one for temporary files)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        items(folder, contents(folder, arguments.megabytes << 20))
        seconds: dict[str, list[float]] = {}
        peaks: dict[str, int] = {}
        for _ in range(arguments.rounds):
            for work in (create, load, copy_and_hash):
                took, peak = measured(work, folder)
                seconds.setdefault(work.__name__, []).append(took)
                peaks[work.__name__] = max(peaks.get(work.__name__, 0), peak)
    base = statistics.median(seconds["copy_and_hash"])
    print(f"{platform.platform()}, {os.cpu_count()} processors, {arguments.megabytes} MB of random bytes")
    for what, each in seconds.items():
        median = statistics.median(each)
        rate = arguments.megabytes / median
        line = f"{what:<14} {median:6.1f} s  {median / base:5.2f} of cp and hashing  {rate:6.0f} MB/s"
        print(line if what == "copy_and_hash" else f"{line}  peak {peaks[what] // 1024} MB")
    print(f"14 GB would be loaded in {statistics.median(seconds['load']) * 14_000 / arguments.megabytes:.0f} s")


if __name__ == "__main__":
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 200_000:
        sys.stderr.write("this process is large before it begins\n")
    main()
