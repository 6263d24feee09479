"""What a node config brings a machine: paths and units, none of the contents, which hold keys and tokens. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigOutline:
    """The files and units of a node config."""

    files: tuple[tuple[str, str, str], ...]  # path, mode, the unit that reads it
    units: tuple[tuple[str, str], ...]  # name, what it is


def config_outline(document: bytes) -> ConfigOutline | None:
    """Return the outline of what kboot rendered as `node-config.json`; None where it is none."""
    try:
        read = json.loads(document)
        files = [(str(each["path"]), str(each["mode"]), str(each.get("read_by") or "")) for each in read["files"]]
        units = [(str(each["name"]), _state(each)) for each in read["units"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return ConfigOutline(tuple(sorted(files)), tuple(sorted(units)))


def _state(unit: dict[str, object]) -> str:
    if unit.get("masked"):
        return "masked"
    return "enabled" if unit.get("enabled") else "not enabled"
