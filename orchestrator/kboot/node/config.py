"""What an installed machine is given, apart from the dialect in which it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """A file on the machine; `mode` as in chmod, owner root unless named."""

    path: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class DropIn:
    """A fragment that changes a unit."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A systemd unit: ours with its `content`, or one of the OS that is enabled or changed."""

    name: str
    content: str | None = None
    enabled: bool = True
    drop_ins: tuple[DropIn, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """An account beside `core`."""

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
        """This one, with what `other` adds or replaces."""
        files = {file.path: file for file in (*self.files, *other.files)}
        units = {unit.name: unit for unit in (*self.units, *other.units)}
        users = {user.name: user for user in (*self.users, *other.users)}
        keys = dict.fromkeys((*self.ssh_authorized_keys, *other.ssh_authorized_keys))
        return NodeConfig(
            self.hostname, tuple(keys), tuple(files.values()), tuple(units.values()), tuple(users.values())
        )
