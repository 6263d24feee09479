"""The operator's fragment: files, units and users that are merged last into a node config."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kboot_clusterdesc import InvalidDescription
from kboot_clusterdesc.problem import Problem
from kboot_clusterdesc.source import place_of, plain, read_tree

from .config import DropIn, File, NodeConfig, Unit, User


def _mode(text: str) -> str:
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ValueError(f"`{text}` is not a file mode such as 0644")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _File(_Part):
    path: str = Field(pattern=r"^/[^/].*$")
    content: str = ""
    mode: Annotated[str, AfterValidator(_mode)] = "0644"


class _DropIn(_Part):
    name: str = Field(pattern=r"^[\w.@-]+\.conf$")
    content: str


class _Unit(_Part):
    name: str = Field(pattern=r"^[\w:.@\\-]+\.(service|socket|timer|mount|path|target|automount|swap)$")
    content: str | None = None
    enabled: bool = True
    drop_ins: tuple[_DropIn, ...] = ()


class _User(_Part):
    name: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    ssh_authorized_keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class _Extra(_Part):
    files: tuple[_File, ...] = ()
    units: tuple[_Unit, ...] = ()
    users: tuple[_User, ...] = ()


def read_extra(data: bytes, file: str) -> NodeConfig:
    """The fragment in `data`; raises InvalidDescription with each fault's place in `file`."""
    tree, problems = read_tree(data, file)
    if problems:
        raise InvalidDescription(problems)
    try:
        extra = _Extra.model_validate(plain(tree))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise InvalidDescription(
            Problem(
                place_of(tree, tuple(fault["loc"])),
                ".".join(map(str, fault["loc"])),
                "there is no such key" if fault["type"] == "extra_forbidden" else fault["msg"],
                "an extra fragment holds `files`, `units` and `users`: see docs/operate.md",
            )
            for fault in faults
        ) from error
    return NodeConfig(
        hostname="",
        files=tuple(File(f.path, f.content.encode(), int(f.mode, 8)) for f in extra.files),
        units=tuple(
            Unit(u.name, u.content, u.enabled, tuple(DropIn(d.name, d.content) for d in u.drop_ins))
            for u in extra.units
        ),
        users=tuple(User(u.name, u.ssh_authorized_keys, u.groups) for u in extra.users),
    )
