"""How this kboot is called by others, from anywhere and with nothing of a shell's environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

_PASSED_ON = ("DOCKER_HOST",)  # an engine at another socket


def own_command() -> list[str]:
    """Return the words that run this kboot; a command's own words follow.

    The link by which it is found, where there is one, leads to a newer kboot once that is installed.
    """
    found = shutil.which("kboot")
    if found is not None and Path(found).resolve() == Path(sys.executable).with_name("kboot").resolve():
        return [found]
    return [sys.executable, "-P", "-m", "kboot.cli.main"]


def own_environment() -> dict[str, str]:
    """Return the variables that this kboot was called with and needs then too."""
    return {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
