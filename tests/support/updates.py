"""Updates of a lab's machines, as the bootstrapper was told of them."""

from __future__ import annotations

import json
from typing import Any

from kboot.host.waiting import looks
from support.lab import Lab

_UPDATED_S = 2400  # an emulated machine downloads, writes and boots


def _shown(lab: Lab, name: str) -> dict[str, Any]:
    """A machine as `kboot node show` has it."""
    shown: dict[str, Any] = json.loads(lab.kboot("node", "show", name, "--json").stdout)
    return shown


def history(lab: Lab, name: str) -> list[dict[str, Any]]:
    """The last steps of a machine's updates, oldest first."""
    steps: list[dict[str, Any]] = _shown(lab, name)["update"]["steps"]
    return steps


def wait_booted(lab: Lab, name: str, version: str) -> list[str]:
    """The steps of a machine's updates, but for mere checks, once it said that it booted into this version."""
    steps: list[dict[str, Any]] = []
    for _ in looks(_UPDATED_S, 5):
        steps = [entry for entry in history(lab, name) if entry["step"] != "checked"]
        if steps and steps[-1]["step"] == "booted" and _shown(lab, name)["version"] == version:
            return [entry["step"] for entry in steps]
    raise AssertionError(f"not on {version} after {_UPDATED_S} s: {steps}\n{lab.console(name)}")
