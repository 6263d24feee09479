"""What an installed machine is given, apart from the dialect in which it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

UNITS = "/etc/systemd/system"
CONFIG_HASH = "/etc/kboot/config-hash"  # of the config that a machine has
CONFIG_FILES = "/etc/kboot/config-files"  # what it put there, a path a line


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
    """A systemd unit: ours with its `content`, or one of the OS that is enabled, changed, or masked to never start."""

    name: str
    content: str | None = None
    enabled: bool = True
    drop_ins: tuple[DropIn, ...] = ()
    masked: bool = False


def masked(name: str) -> Unit:
    """A unit of the OS that is never to start."""
    return Unit(name, enabled=False, masked=True)


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

    @property
    def all_files(self) -> Iterator[File]:
        """The files, those of the units too."""
        yield from self.files
        for unit in self.units:
            if unit.content is not None:
                yield File(f"{UNITS}/{unit.name}", unit.content.encode())
            for drop_in in unit.drop_ins:
                yield File(f"{UNITS}/{unit.name}.d/{drop_in.name}", drop_in.content.encode())


def with_hash(config: NodeConfig) -> tuple[NodeConfig, str]:
    """The config with the files that tell its own hash and what it put on the machine, and that hash (SHA-256, hex)."""
    number = sha256(repr(config).encode()).hexdigest()
    masks = (f"{UNITS}/{unit.name}" for unit in config.units if unit.masked)
    written = "".join(f"{path}\n" for path in sorted((*masks, *(file.path for file in config.all_files))))
    files = (File(CONFIG_HASH, f"{number}\n".encode()), File(CONFIG_FILES, written.encode()))
    return config.merged(NodeConfig("", files=files)), number
