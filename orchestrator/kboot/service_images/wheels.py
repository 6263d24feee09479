"""Python packages for an image, installed on the host by the service's hash lock, for the image's Python."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ..errors import KbootError
from ..host.cache import cache_folder, made_once

_PYTHON = "3.11"  # of the base image's Debian
_SCRIPTS = "../../bin/"  # as RECORD has it
_PLATFORMS = [f"manylinux{tag}_{platform.machine()}" for tag in ("2014", "_2_17", "_2_28", "_2_34")]


def installed_requirements(lock: bytes, name: str, progress: Callable[[str], None]) -> Path:
    """Install the packages of `lock` into a folder of the cache, once for each lock, and return the folder."""
    digest = sha256(lock + repr((_PYTHON, _PLATFORMS, _SCRIPTS)).encode()).hexdigest()[:16]

    def install(target: Path) -> None:
        progress(f"fetching the Python packages of {name}")
        requirements = target.with_name("requirements.txt")
        requirements.write_bytes(lock)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp"]
        command += [f"--python-version={_PYTHON}", *(f"--platform={tag}" for tag in _PLATFORMS)]
        command += [f"--target={target}", "-r", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr.strip()[-400:]
            raise KbootError(f"pip failed: {said}", "is the Python package index reached from here?")
        _drop_scripts(target)

    return made_once(cache_folder() / "python" / f"{name}-{digest}", install)


def _drop_scripts(target: Path) -> None:
    """Remove the packages' commands, which nothing runs, and their hashes: they hold the path of this Python."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(line for line in lines if not line.startswith(_SCRIPTS)))
