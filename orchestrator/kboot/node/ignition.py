"""A node config as Ignition 3.3.0, which every Flatcar since 3185.0.0 reads, and back from it."""

from __future__ import annotations

import base64
import json
from typing import Any

from kboot_clusterdesc.os_family import ACCOUNT

from .config import DropIn, File, NodeConfig, Unit, User, masked

SPEC = "3.3.0"
_DATA = "data:;base64,"
_HOSTNAME = "/etc/hostname"


def ignition(config: NodeConfig) -> bytes:
    """Return the JSON document; the same config gives the same bytes."""
    files = [File(_HOSTNAME, f"{config.hostname}\n".encode()), *config.files]
    document = {
        "ignition": {"version": SPEC},
        "passwd": {"users": [_core(config), *map(_user, config.users)]},
        "storage": {"files": [_file(file) for file in files]},
        "systemd": {"units": [_unit(unit) for unit in config.units]},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def read_ignition(content: bytes) -> NodeConfig:
    """The config that `ignition` wrote as `content`."""
    document = json.loads(content)
    first, *files = map(_read_file, document["storage"]["files"])
    core, *users = document["passwd"]["users"]
    return NodeConfig(
        first.content.decode().rstrip("\n"),
        tuple(core["sshAuthorizedKeys"]),
        tuple(files),
        tuple(map(_read_unit, document["systemd"]["units"])),
        tuple(User(each["name"], tuple(each["sshAuthorizedKeys"]), tuple(each["groups"])) for each in users),
    )


def _core(config: NodeConfig) -> dict[str, Any]:
    return {"name": ACCOUNT, "sshAuthorizedKeys": list(config.ssh_authorized_keys)}


def _user(user: User) -> dict[str, Any]:
    return {"name": user.name, "sshAuthorizedKeys": list(user.ssh_authorized_keys), "groups": list(user.groups)}


def _file(file: File) -> dict[str, Any]:
    # Base64, since a data URL of text would need an escape for each of its odd characters.
    source = _DATA + base64.b64encode(file.content).decode()
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


def _read_file(entry: dict[str, Any]) -> File:
    content = base64.b64decode(entry["contents"]["source"].removeprefix(_DATA))
    return File(entry["path"], content, entry["mode"])


def _read_unit(entry: dict[str, Any]) -> Unit:
    if entry.get("mask"):
        return masked(entry["name"])
    drop_ins = tuple(DropIn(each["name"], each["contents"]) for each in entry.get("dropins", ()))
    return Unit(entry["name"], entry.get("contents"), entry["enabled"], drop_ins)
