"""The wheel of kboot, built as a release builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.places import ROOT


def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout, built into `folder` with the build tools that are here; no network is needed."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("kboot-*.whl")
    return wheel
