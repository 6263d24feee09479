"""What each form of a node config gives a machine, decoded as its consumer would: without the code that wrote it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_DATA_URL = "data:;base64,"


@dataclass(frozen=True, slots=True)
class GivenUnit:
    """A unit as systemd is to have it."""

    enabled: bool
    masked: bool
    content: str | None
    drop_ins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """Everything a machine is given. `files`: path -> mode, content, in order; `keys`: account -> ssh keys."""

    hostname: str
    keys: Mapping[str, list[str]]
    groups: Mapping[str, list[str]]
    files: Mapping[str, tuple[int, bytes]]
    units: Mapping[str, GivenUnit]


def given_by_ignition(document: bytes) -> Given:
    """What Ignition makes of a document."""
    read = json.loads(document)
    users, entries = read["passwd"]["users"], read["storage"]["files"]
    files = {each["path"]: (each["mode"], _of_data_url(each["contents"]["source"])) for each in entries}
    _, hostname = files.pop("/etc/hostname")
    return Given(
        hostname.decode().removesuffix("\n"),
        {each["name"]: each["sshAuthorizedKeys"] for each in users},
        {each["name"]: each["groups"] for each in users[1:]},
        files,
        {each["name"]: _unit(each, "contents", "dropins", "enabled") for each in read["systemd"]["units"]},
    )


def given_by_cloud_config(document: bytes) -> Given:
    """What coreos-cloudinit makes of a document."""
    read = yaml.safe_load(document)
    users = read.get("users", [])
    files = {
        each["path"]: (int(each["permissions"], 8), b64decode(each["content"], validate=True))
        for each in read["write_files"]
    }
    assert all(each["encoding"] == "base64" for each in read["write_files"])
    assert files.pop("/etc/hostname") == (0o644, f"{read['hostname']}\n".encode())
    return Given(
        read["hostname"],
        {
            "core": read.get("ssh_authorized_keys", []),
            **{each["name"]: each.get("ssh_authorized_keys", []) for each in users},
        },
        {each["name"]: each.get("groups", []) for each in users},
        files,
        {
            each["name"]: _unit(each, "content", "drop_ins", "enable")
            for each in read["coreos"]["units"]
            if each.get("command") not in ("restart", "try-restart")  # the OS's own, as it is
        },
    )


def given_by_document(document: bytes) -> Given:
    """What kboot reads back from its own form."""
    read = json.loads(document)
    return Given(
        read["hostname"],
        {
            "core": read["ssh_authorized_keys"],
            **{each["name"]: each["ssh_authorized_keys"] for each in read["users"]},
        },
        {each["name"]: each["groups"] for each in read["users"]},
        {each["path"]: (int(each["mode"], 8), _content(each)) for each in read["files"]},
        {
            each["name"]: GivenUnit(
                each["enabled"],
                each["masked"],
                each["content"],
                {drop_in["name"]: drop_in["content"] for drop_in in each["drop_ins"]},
            )
            for each in read["units"]
        },
    )


def _of_data_url(url: str) -> bytes:
    assert url.startswith(_DATA_URL)
    return b64decode(url.removeprefix(_DATA_URL), validate=True)


def _content(entry: dict[str, Any]) -> bytes:
    text: str = entry["content"]
    return b64decode(text, validate=True) if entry.get("encoding") == "base64" else text.encode()


def _unit(entry: dict[str, Any], content: str, drop_ins: str, enabled: str) -> GivenUnit:
    if entry.get("mask"):
        return GivenUnit(enabled=False, masked=True, content=None, drop_ins={})
    more = {each["name"]: each[content] for each in entry.get(drop_ins, [])}
    return GivenUnit(entry[enabled], False, entry.get(content), more)
