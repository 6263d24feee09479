"""Reads the operator's fragment: files, units and users that are merged last into a node config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from kboot_clusterdesc import InvalidDescription
from kboot_clusterdesc.key_slips import missing_blank
from kboot_clusterdesc.part import Part
from kboot_clusterdesc.problem import Problem, dotted, with_slips
from kboot_clusterdesc.source import Tree, key_place, place_of, plain, read_tree
from kboot_clusterdesc.types import SshKey

from .config import UNITS, DropIn, File, NodeConfig, Unit, User
from .extra_checks import faults

# Where a file of the operator's lies -> the unit that reads it only at its start; the first place that fits counts. A
# fragment does not say who reads its files, and for all other places nobody knows.
_READERS = {
    "/etc/systemd/network/": "systemd-networkd.service",
    "/etc/systemd/networkd.conf.d/": "systemd-networkd.service",
    "/etc/systemd/timesyncd.conf.d/": "systemd-timesyncd.service",
    "/etc/modules-load.d/": "systemd-modules-load.service",
    "/etc/containerd/certs.d/": None,
    "/etc/containerd/": "containerd.service",
    "/etc/etcd/": "etcd.service",
    "/etc/kubernetes/addons/": "kboot-addons.service",
    "/etc/kubernetes/kubelet/": "kubelet.service",
    "/etc/kubernetes/pod-network/": "kboot-routes.service",
}


def _mode(text: str) -> str:
    if re.fullmatch(r"0?[0-7]{3}", text) and _is_usable(int(text, 8)):
        return text
    if re.fullmatch(r"[0-9]{3}", text) and int(text) <= 0o777 and _is_usable(int(text)):
        octal = f"{int(text):04o}"
        raise ValueError(f"`{text}` is the decimal number of {octal}, and a mode is octal: `mode: {octal}`")
    raise ValueError(f"`{text}` is not a file mode such as 0644")


def _is_usable(mode: int) -> bool:
    """Whether the owner may do all that group and others may: of a number in decimal that is hardly ever so."""
    return (mode >> 3 | mode) & 0o7 & ~(mode >> 6) == 0


class _File(Part):
    path: str = Field(pattern=r"^/[^/].*$")
    content: str = ""
    mode: Annotated[str, AfterValidator(_mode)] = "0644"


class _DropIn(Part):
    name: str = Field(pattern=r"^[\w.@-]+\.conf$")
    content: str


class _Unit(Part):
    name: str = Field(pattern=r"^[\w:.@\\-]+\.(service|socket|timer|mount|path|target|automount|swap)$")
    content: str | None = None
    enabled: bool = True
    drop_ins: tuple[_DropIn, ...] = ()


class _User(Part):
    name: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    ssh_authorized_keys: tuple[SshKey, ...] = ()
    groups: tuple[str, ...] = ()


class _Extra(Part):
    files: tuple[_File, ...] = ()
    units: tuple[_Unit, ...] = ()
    users: tuple[_User, ...] = ()


def read_extra(data: bytes, file: str) -> NodeConfig:
    """Return the fragment in `data`; raise InvalidDescription with each fault's place in `file`."""
    tree, slips = read_tree(data, file)
    try:
        extra = _Extra.model_validate(plain(tree))
    except ValidationError as error:
        raise InvalidDescription(with_slips(slips, _problems(error, tree))) from error
    config = _config(extra)
    found = (Problem(place_of(tree, f.path), dotted(f.path), f.message, f.hint) for f in faults(config))
    if problems := with_slips(slips, found):
        raise InvalidDescription(problems)
    return config


def _config(extra: _Extra) -> NodeConfig:
    return NodeConfig(
        hostname="",
        files=tuple(_file(each) for each in extra.files),
        units=tuple(
            Unit(u.name, u.content, u.enabled, tuple(DropIn(d.name, d.content) for d in u.drop_ins))
            for u in extra.units
        ),
        # Ignition takes no config that has a key or a group twice.
        users=tuple(User(u.name, _once(u.ssh_authorized_keys), _once(u.groups)) for u in extra.users),
    )


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _file(file: _File) -> File:
    return File(file.path, file.content.encode(), int(file.mode, 8), read_by=_reader(file.path))


def _reader(path: str) -> str | None:
    """The unit that has to start anew for a file, as far as its place tells; units and drop-ins concern themselves."""
    if path.startswith(f"{UNITS}/"):
        return path.removeprefix(f"{UNITS}/").partition("/")[0].removesuffix(".d")
    return next((unit for place, unit in _READERS.items() if path.startswith(place)), None)


def _problems(error: ValidationError, tree: Tree) -> Iterator[Problem]:
    for fault in error.errors(include_url=False):
        path, hint = tuple(fault["loc"]), "an extra fragment holds `files`, `units` and `users`: see docs/operate.md"
        if fault["type"] == "extra_forbidden":
            place, message = key_place(tree, path), "there is no such key"
            hint = missing_blank(str(path[-1])) or hint
        else:
            place, message = place_of(tree, path), fault["msg"].removeprefix("Value error, ")
            hint = "" if fault["type"] == "value_error" else hint
        yield Problem(place, ".".join(map(str, path)), message, hint)
