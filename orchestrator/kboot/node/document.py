"""Writes and reads a node config as kboot keeps it for itself: plain JSON that also names the reader of each file."""

from __future__ import annotations

import base64
import json
from typing import Any

from .config import DropIn, File, NodeConfig, Unit, User
from .json_document import json_document


def document(config: NodeConfig) -> bytes:
    """Return the JSON document; the same config gives the same bytes."""
    content = {
        "hostname": config.hostname,
        "ssh_authorized_keys": config.ssh_authorized_keys,
        "users": [_user(user) for user in config.users],
        "files": [_file(file) for file in config.files],
        "units": [_unit(unit) for unit in config.units],
    }
    return json_document(content)


def read_document(content: bytes) -> NodeConfig:
    """Return the config that `document` wrote as `content`."""
    read = json.loads(content)
    return NodeConfig(
        read["hostname"],
        tuple(read["ssh_authorized_keys"]),
        tuple(map(_read_file, read["files"])),
        tuple(map(_read_unit, read["units"])),
        tuple(User(each["name"], tuple(each["ssh_authorized_keys"]), tuple(each["groups"])) for each in read["users"]),
    )


def _user(user: User) -> dict[str, Any]:
    return {"name": user.name, "ssh_authorized_keys": user.ssh_authorized_keys, "groups": user.groups}


def _file(file: File) -> dict[str, Any]:
    entry = {"path": file.path, "mode": f"{file.mode:04o}", "read_by": file.read_by}
    try:
        return {**entry, "content": file.content.decode()}
    except UnicodeDecodeError:
        return {**entry, "encoding": "base64", "content": base64.b64encode(file.content).decode()}


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "name": unit.name,
        "enabled": unit.enabled,
        "masked": unit.masked,
        "content": unit.content,
        "drop_ins": [{"name": drop_in.name, "content": drop_in.content} for drop_in in unit.drop_ins],
    }


def _read_file(entry: dict[str, Any]) -> File:
    text = entry["content"]
    content = base64.b64decode(text) if "encoding" in entry else text.encode()
    return File(entry["path"], content, int(entry["mode"], 8), read_by=entry["read_by"])


def _read_unit(entry: dict[str, Any]) -> Unit:
    drop_ins = tuple(DropIn(each["name"], each["content"]) for each in entry["drop_ins"])
    return Unit(entry["name"], entry["content"], entry["enabled"], drop_ins, entry["masked"])
