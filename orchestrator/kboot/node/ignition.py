"""A node config as Ignition 3.3.0, which every Flatcar since 3185.0.0 reads, and the units of an OS in memory."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from kboot_clusterdesc.os_family import ACCOUNT

from .config import File, NodeConfig, Unit, User
from .json_document import json_document

SPEC = "3.3.0"


def ignition(config: NodeConfig) -> bytes:
    """Return the JSON document; the same config gives the same bytes."""
    files = [File("/etc/hostname", f"{config.hostname}\n".encode(), read_by=None), *config.files]
    document = {
        "ignition": {"version": SPEC},
        "passwd": {"users": [_core(config), *(_user(user) for user in config.users if user.name != ACCOUNT)]},
        "storage": {"files": [_file(file) for file in files]},
        "systemd": {"units": [_unit(unit) for unit in config.units]},
    }
    return json_document(document)


def ignition_of_units(units: Sequence[Unit], spec: str) -> bytes:
    """Return the JSON document of these units alone, which specs 2.1 to 3 spell alike."""
    document = {"ignition": {"version": spec}, "systemd": {"units": [_unit(unit) for unit in units]}}
    return json_document(document)


def _core(config: NodeConfig) -> dict[str, Any]:
    core: dict[str, Any] = {"name": ACCOUNT, "sshAuthorizedKeys": list(config.ssh_authorized_keys)}
    groups = [group for user in config.users if user.name == ACCOUNT for group in user.groups]
    return {**core, "groups": groups} if groups else core


def _user(user: User) -> dict[str, Any]:
    return {"name": user.name, "sshAuthorizedKeys": list(user.ssh_authorized_keys), "groups": list(user.groups)}


def _file(file: File) -> dict[str, Any]:
    # Base64, since a data URL of text would need an escape for each of its odd characters.
    source = f"data:;base64,{base64.b64encode(file.content).decode()}"
    return {"path": file.path, "mode": file.mode, "overwrite": True, "contents": {"source": source}}


def _unit(unit: Unit) -> dict[str, Any]:
    if unit.masked:
        return {"name": unit.name, "mask": True}
    entry: dict[str, Any] = {"name": unit.name, "enabled": unit.enabled}
    if unit.content is not None:
        entry["contents"] = unit.content
    if unit.drop_ins:
        entry["dropins"] = [{"name": drop_in.name, "contents": drop_in.content} for drop_in in unit.drop_ins]
    return entry
