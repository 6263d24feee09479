"""Bundles that bring up a stand-in for kboot by the program at their head, and what comes of that."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from kboot.bundle.collect.own_wheel import installed_files, wheel_of
from kboot.bundle.head_program import head_program
from kboot.supplies.bundle_manifest import Item, Kind, Manifest
from support.bundles import archive_of, file_item, manifest_of, with_head

# What `kboot bundle load` does as far as the head sees it: it says its words, takes the bundle in, ends with a code.
_STAND_IN = """
import os, sys
from pathlib import Path
def main():
    print(*sys.argv[1:])
    if taken := os.environ.get("TAKEN"):
        folder = Path(os.environ["KBOOT_ROOT"], ".supplies/bundles")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"rack-{taken}.json").touch()
    sys.exit(int(os.environ.get("CODE", "0")))
"""


@dataclass(frozen=True, slots=True)
class HeadedBundle:
    """A bundle in a file, and the folders of the machine that it is brought to."""

    path: Path
    manifest: Manifest
    folder: Path

    @property
    def prefix(self) -> Path:
        """Where kboot is installed."""
        return self.folder / "opt"

    @property
    def root(self) -> Path:
        """Where `kboot bundle load` keeps what it takes in."""
        return self.folder / "root"

    def run(self, *options: str, code: int = 0, is_taken: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the bundle by the shell, where kboot ends with `code` after it took the bundle in or did not."""
        taken = self.manifest.digest.removeprefix("sha256:")[:12] if is_taken else ""
        environment = {"PATH": "/usr/bin:/bin", "KBOOT_PREFIX": str(self.prefix), "KBOOT_ROOT": str(self.root)}
        environment |= {"CODE": str(code), "TAKEN": taken, **more}
        return subprocess.run(["sh", self.path, *options], capture_output=True, text=True, env=environment)


def headed_bundle(folder: Path, *, text: str = "", name: str = "rack.kboot") -> HeadedBundle:
    """Write a bundle with the program that kboot puts at its head; `text` is added to kboot's stand-in."""
    contents = [_wheel("kboot", "0.1.0", _kboot(_STAND_IN + text)), _wheel("pip", *_pip())]
    program = head_program()
    manifest = with_head(manifest_of(*(item for item, _ in contents), arch=()), program)
    scratch = folder / "contents"
    scratch.mkdir(exist_ok=True)
    archive = archive_of(scratch, *(content for _, content in contents), manifest=manifest, program=program)
    (folder / name).write_bytes(archive)
    return HeadedBundle(folder / name, manifest, folder)


def _wheel(name: str, version: str, content: bytes) -> tuple[Item, bytes]:
    place = f"{name}-{version}-py3-none-any.whl"
    return file_item(content, place, Kind.WHEEL, name=name, version=version, arch="any"), content


def _kboot(text: str) -> bytes:
    info = "kboot-0.1.0.dist-info"
    files = {
        "kboot/__init__.py": text.encode(),
        f"{info}/METADATA": b"Metadata-Version: 2.4\nName: kboot\nVersion: 0.1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\nkboot = kboot:main\n",
    }
    return wheel_of(files, info)


@cache
def _pip() -> tuple[str, bytes]:
    installed = distribution("pip")
    return installed.version, wheel_of(installed_files(installed), f"pip-{installed.version}.dist-info")
