"""The node config: what an installed machine is given, apart from the dialect in which it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from kboot_clusterdesc.os_family import ACCOUNT

UNITS = "/etc/systemd/system"
CONFIG_HASH = "/etc/kboot/config-hash"  # tells the hash of the config that the machine has
CONFIG_FILES = "/etc/kboot/config-files"  # lists what the config put on the machine, a path a line


@dataclass(frozen=True, slots=True)
class File:
    """A file on the machine; `mode` as in chmod, owner root.

    `read_by` is the unit that reads the file only at its start, so that a change of the file has to start it anew.
    It is None where each use reads the file anew, or its reader watches it.
    """

    path: str
    content: bytes
    mode: int = 0o644
    # Left out of the text that the config's hash is made of: who reads a file is no part of what a machine has.
    read_by: str | None = field(kw_only=True, repr=False)


@dataclass(frozen=True, slots=True)
class DropIn:
    """A fragment that changes a unit."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit: ours with its `content`, or one of the OS that is enabled, changed, or masked to never start."""

    name: str
    content: str | None = None
    enabled: bool = True
    drop_ins: tuple[DropIn, ...] = ()
    masked: bool = False


def masked(name: str) -> Unit:
    """Return a unit of the OS, masked so that it never starts."""
    return Unit(name, enabled=False, masked=True)


@dataclass(frozen=True, slots=True)
class User:
    """An account beside `core`, or groups that `core` is to be in."""

    name: str
    ssh_authorized_keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything a machine is given at its install. A later file, unit or user of a name replaces an earlier one."""

    hostname: str
    ssh_authorized_keys: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    users: tuple[User, ...] = ()

    def merged(self, other: NodeConfig) -> NodeConfig:
        """Return this config with what `other` adds or replaces; a file that replaces another keeps its reader.

        A unit without content of its own, such as one that has drop-ins alone, changes the one that is there; the
        account of every OS, which has the keys of the cluster, gets more keys and groups.
        """
        of_units = {path for unit in other.units for path in _paths(unit)}
        files = {file.path: file for file in self.files if file.path not in of_units}
        for file in other.files:
            replaced = files.get(file.path)
            files[file.path] = file if replaced is None else replace(file, read_by=replaced.read_by)
        paths = {file.path for file in other.files}
        units = {unit.name: _without(unit, paths) for unit in self.units}
        units |= {unit.name: _changed(units.get(unit.name), unit) for unit in other.units}
        users = {user.name: user for user in self.users}
        users |= {user.name: _joined(users.get(user.name), user) for user in other.users}
        keys = dict.fromkeys((*self.ssh_authorized_keys, *other.ssh_authorized_keys, *_keys_of(other.users)))
        return NodeConfig(
            self.hostname, tuple(keys), tuple(files.values()), tuple(units.values()), tuple(users.values())
        )

    @property
    def all_files(self) -> Iterator[File]:
        """Yield every file, those of the units too, which each unit reads itself."""
        yield from self.files
        for unit in self.units:
            if unit.content is not None:
                yield File(f"{UNITS}/{unit.name}", unit.content.encode(), read_by=unit.name)
            for drop_in in unit.drop_ins:
                path = f"{UNITS}/{unit.name}.d/{drop_in.name}"
                yield File(path, drop_in.content.encode(), read_by=unit.name)


def _paths(unit: Unit) -> Iterator[str]:
    """Yield where the files of a unit lie."""
    if unit.content is not None:
        yield f"{UNITS}/{unit.name}"
    for drop_in in unit.drop_ins:
        yield f"{UNITS}/{unit.name}.d/{drop_in.name}"


def _without(unit: Unit, paths: set[str]) -> Unit:
    """Return a unit without what files at these paths take the place of."""
    if paths.isdisjoint(_paths(unit)):
        return unit
    content = None if f"{UNITS}/{unit.name}" in paths else unit.content
    kept = (each for each in unit.drop_ins if f"{UNITS}/{unit.name}.d/{each.name}" not in paths)
    return replace(unit, content=content, drop_ins=tuple(kept))


def _changed(before: Unit | None, unit: Unit) -> Unit:
    if before is None or before.masked or unit.masked or unit.content is not None:
        return unit
    drop_ins = {each.name: each for each in (*before.drop_ins, *unit.drop_ins)}
    is_enabled = before.enabled and unit.enabled  # what a fragment does not say is `true`
    return replace(unit, content=before.content, enabled=is_enabled, drop_ins=tuple(drop_ins.values()))


def _keys_of(users: tuple[User, ...]) -> Iterator[str]:
    """Yield the keys that are given to the account of every OS."""
    for user in users:
        if user.name == ACCOUNT:
            yield from user.ssh_authorized_keys


def _joined(before: User | None, user: User) -> User:
    if user.name != ACCOUNT:
        return user
    groups = dict.fromkeys((*(before.groups if before is not None else ()), *user.groups))
    return User(ACCOUNT, (), tuple(groups))


def with_hash(config: NodeConfig) -> tuple[NodeConfig, str]:
    """Return the config with two more files, and its hash (SHA-256, hex).

    The files tell the machine the hash of its config, and which files the config put there."""
    number = sha256(repr(config).encode()).hexdigest()
    masks = (f"{UNITS}/{unit.name}" for unit in config.units if unit.masked)
    written = "".join(f"{path}\n" for path in sorted((*masks, *(file.path for file in config.all_files))))
    files = (
        File(CONFIG_HASH, f"{number}\n".encode(), read_by=None),
        File(CONFIG_FILES, written.encode(), read_by=None),
    )
    return config.merged(NodeConfig("", files=files)), number
