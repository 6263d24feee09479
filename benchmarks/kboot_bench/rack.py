"""The rack that is measured: a description of so many machines, rendered by a tree's own `kboot`, and a release."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from .network import CABLE, MACHINES, SUBNET, machine_address

CHANNEL, RELEASE = "stable", "3975.2.0"
KERNEL, INITRD, IMAGE = (f"flatcar_production_{name}" for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"))
IMAGE_PATH = f"/{CHANNEL}/{RELEASE}/{IMAGE}"
_REPOSITORY = Path(__file__).resolve().parents[2]
_ROOTS = ("clusterdesc", "orchestrator", "compose", "lab", "services/cloudconfig", "services/updater")
_PIECE = 4096  # of the buffer that dnsmasq writes its leases through


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout of kboot, by the name that it has in the tables."""

    name: str
    path: Path = _REPOSITORY

    @property
    def python(self) -> str:
        """The interpreter that has the tree's dependencies: of its own .venv, else the one that runs the benchmark."""
        own = self.path / ".venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable

    def environment(self) -> dict[str, str]:
        """The environment in which that interpreter imports this tree and no other."""
        return os.environ | {"PYTHONPATH": ":".join(str(self.path / root) for root in _ROOTS)}

    def kboot(self, *arguments: str) -> list[str]:
        """Return the command line of `kboot` of this tree."""
        return [self.python, "-m", "kboot.cli.main", *arguments]

    def version(self) -> str:
        """Return the commit that is checked out."""
        command = ["git", "-C", str(self.path), "describe", "--always", "--dirty", "--abbrev=10"]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() or "no commit"


def tree_of(text: str) -> Tree:
    """Return the tree of `NAME=PATH`."""
    name, _, path = text.partition("=")
    return Tree(name, Path(path or ".").resolve())


def mac_of(number: int) -> str:
    """Return the MAC of a machine, which are counted from 1."""
    return f"02:77:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def description(bootstrapper: IPv4Address, machines: int) -> str:
    """Return a description of machines without Kubernetes, which have their addresses by DHCP."""
    nodes = "".join(f'  - {{mac: "{mac_of(each)}", roles: [worker]}}\n' for each in range(1, machines + 1))
    return f"""apiVersion: kboot/v1
cluster: {{name: bench, domain: bench.example.com}}
network:
  bootstrapper: {bootstrapper}
  interface: {CABLE}
  subnet: {SUBNET}
  dhcp: {{mode: serve, range: [{MACHINES[1]}, {MACHINES[-2]}]}}
os: {{family: flatcar, channel: {CHANNEL}, version: current, config: ignition}}
nodes:
{nodes}"""


def render(tree: Tree, bootstrapper: IPv4Address, machines: int, folder: Path) -> float:
    """Have the tree's `kboot render` fill `folder`, and return the seconds that it took."""
    folder.mkdir(parents=True)
    file = folder.with_suffix(".yaml")
    file.write_text(description(bootstrapper, machines))
    begin = time.monotonic()
    command = tree.kboot("render", str(file), "-o", str(folder), "--root", str(folder.with_suffix(".root")))
    done = subprocess.run(command, env=tree.environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tree.name}: kboot render of {machines} machines: {done.stderr.strip()}")
    for name in ("images", "state", "leases", "assets"):
        (folder / name).mkdir(exist_ok=True)
    return time.monotonic() - begin


def make_release(folder: Path, image_mb: int) -> None:
    """Make a release whose image and initrd are that large; it compresses well and is never unpacked."""
    piece = bytes(range(1, 256)) * (1 << 20 >> 8) + bytes(1 << 12)
    for name, size_mb in ((KERNEL, 16), (INITRD, image_mb), (IMAGE, image_mb)):
        with (folder / name).open("wb") as file:
            for _ in range(size_mb):
                file.write(piece[: 1 << 20])
    (folder / ".origin").write_text("flatcar amd64-usr\n")


def put_release(release: Path, folder: Path) -> None:
    """Put the release into a cluster's store, as links to the same bytes."""
    target = folder / "images" / CHANNEL / RELEASE
    target.mkdir(parents=True)
    for file in release.iterdir():
        os.link(file, target / file.name)
    (target.parent / "current").symlink_to(RELEASE)


class LeaseWriter:
    """Writes the lease file as dnsmasq does: emptied in place, written in pieces."""

    def __init__(self, folder: Path, life_s: int = 86_400) -> None:
        self._path = folder / "leases" / "dnsmasq.leases"
        self._life_s, self._lines = life_s, dict[int, str]()
        self._path.touch()

    def give(self, machines: Iterable[int]) -> None:
        """Give or renew the leases of these machines."""
        end = int(time.time()) + self._life_s
        for each in machines:
            self._lines[each] = f"{end} {mac_of(each)} {machine_address(each)} * *\n"
        content = "".join(self._lines.values()).encode()
        with self._path.open("r+b", buffering=0) as file:
            file.truncate()
            for at in range(0, len(content), _PIECE):
                file.write(content[at : at + _PIECE])
            os.fsync(file.fileno())


def found_in(pattern: str, text: str) -> str:
    """Return what the one group of `pattern` finds in `text`; an empty text where it finds nothing."""
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else ""
