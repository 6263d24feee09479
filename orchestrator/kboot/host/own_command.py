"""How this kboot is called by others, from anywhere and with nothing of a shell's environment."""

from __future__ import annotations

import os
import sys

_PASSED_ON = ("DOCKER_HOST",)  # an engine at another socket


def own_command() -> list[str]:
    """Return the words that run this kboot, of this environment of Python; a command's own words follow."""
    return [sys.executable, "-P", "-m", "kboot.cli.main"]


def own_environment() -> dict[str, str]:
    """Return the variables that this kboot was called with and needs then too."""
    return {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
