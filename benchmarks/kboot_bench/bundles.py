"""The part of bundles: how fast one is written and loaded, beside `cp` and `openssl sha256` of the same bytes.

The contents are random, so nothing compresses them or copies them by reference. Each is done in a process of its own,
which starts no other, so its peak of memory is all there is; each round begins with another one. What an earlier round
left is removed before the clock starts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kboot.bundle.collect.collected import Collected
from kboot.bundle.create import Form, bundle_manifest, write_bundle
from kboot.bundle.load import load_bundle
from kboot.host.progress import Progress
from kboot.supplies.bundle_manifest import Item, Kind

from .figures import Part, figure_of
from .session import Session, say

_PARTS, _SIZE_MB = 8, 512
MADE = "made.kboot"


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
    """Write a bundle of the contents."""
    collected = Collected(folder / "cache")
    manifest = bundle_manifest(items(folder, collected), ["bench"], [], "0.1.0", Form())
    write_bundle(folder / MADE, manifest, collected, Form(), lambda text: None)


def load(folder: Path) -> None:
    """Load the bundle into an empty root."""
    load_bundle(folder / "bench.kboot", folder / "root", {}, "0.1.0", Progress())


def copy_and_hash(folder: Path) -> None:
    """Copy the bundle to the disk, and hash the copy, by OpenSSL: coreutils may take four times as long."""
    source, copy = folder / "bench.kboot", folder / "copy"
    subprocess.run(["cp", "--reflink=never", source, copy], check=True)
    subprocess.run(["sync", copy], check=True)
    subprocess.run(["openssl", "sha256", copy], check=True, stdout=subprocess.DEVNULL)


def measured(work: Callable[[Path], None], folder: Path) -> tuple[float, int]:
    """Do work in a process of its own; return its seconds and its peak of memory in KiB."""
    folder.joinpath(MADE).unlink(missing_ok=True)
    folder.joinpath("copy").unlink(missing_ok=True)
    shutil.rmtree(folder / "root", ignore_errors=True)
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


def bundles(session: Session) -> Part:
    """Measure the making and the loading of a bundle."""
    seconds: list[dict[str, float]] = []
    peaks: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(dir=session.folder) as name:
        folder = Path(name)
        items(folder, contents(folder, _SIZE_MB << 20))
        create(folder)
        folder.joinpath(MADE).rename(folder / "bench.kboot")
        for number in range(session.rounds):
            say(f"  round {number + 1}")
            found = {what: measured(work, folder) for what, work in _turns(number)}
            seconds.append({what: took for what, (took, _) in found.items()})
            peaks.append({what: peak / 1024 for what, (_, peak) in found.items() if what != _BASE})
    figures = (
        figure_of(f"{_SIZE_MB} MB of random bytes", "s", seconds, base=_BASE),
        figure_of("peak memory", "MB", peaks),
    )
    method = (
        "`kboot bundle create` and `load` of the same contents; less is faster. The benchmark itself is in the peak."
    )
    return Part("bundles", "Bundles", method, figures)


def _turns(number: int) -> list[tuple[str, Callable[[Path], None]]]:
    """Return the works in the order of a round: what comes first may find another disk than what comes last."""
    works = list(_WORKS.items())
    first = number % len(works)
    return works[first:] + works[:first]


_BASE = "cp and openssl"
_WORKS: dict[str, Callable[[Path], None]] = {"create": create, "load": load, _BASE: copy_and_hash}
