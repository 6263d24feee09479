"""A machine that runs is given the config that a reinstall would give it: one archive and a script over ssh."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from kboot_clusterdesc import ClusterFolder, Mac
from kboot_clusterdesc.os_family import ACCOUNT
from kboot_clusterdesc.shared_files import CLOUD_CONFIG, IGNITION
from kboot_compose.templates import rendered

from ..errors import KbootError
from ..node import File, NodeConfig
from ..node.config import CONFIG_FILES, CONFIG_HASH
from ..running.config_in_force import config_in_force
from ..running.ssh import Remote

ADDONS_UNIT = "kboot-addons.service"
_MANIFESTS = "/etc/kubernetes/manifests/"
_IN_MEMORY = "/run"  # the archive holds private keys


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of the archive."""

    content: bytes
    mode: int = 0o644


def apply(
    folder: ClusterFolder, mac: Mac, remote: Remote, timeout_s: float, *, holds_addons: bool = False
) -> list[str]:
    """Bring a machine to the config that `kboot up` rendered for it; what its script says it did.

    With `holds_addons` new add-ons are written but not applied yet. Doing it twice does nothing more.
    """
    config = config_in_force(folder, mac)
    if config is None:
        raise KbootError(f"{folder.node(mac)}: nothing was rendered for this machine", "run `kboot up` first")
    given = archive(config, *rendered_dialects(folder, mac), holds_addons)
    return remote.run(unpack(_IN_MEMORY, "/"), given=given, timeout_s=timeout_s).decode().splitlines()


def unpack(folder: str, root: str) -> list[str]:
    """The command that takes an archive on its standard input to a machine whose files lie below `root`."""
    return ["bash", "-c", rendered("nodes/kboot-unpack.j2").decode(), "kboot-unpack", folder, root]


def rendered_dialects(folder: ClusterFolder, mac: Mac) -> tuple[bytes, bytes]:
    """The config of a machine in both dialects: Ignition, cloud-config."""
    place = folder.node(mac)
    try:
        return (place / IGNITION).read_bytes(), (place / CLOUD_CONFIG).read_bytes()
    except OSError as error:
        raise KbootError(f"{error.filename}: cannot be read: {error.strerror}", "run `kboot up` first") from error


def archive(config: NodeConfig, ignition: bytes, cloud_config: bytes, holds_addons: bool = False) -> bytes:
    """What the machine is sent, as tar; the same config gives the same bytes.

    `kboot-apply` is the script and says what the rest is for.
    """
    files = sorted(config.all_files, key=_order)
    units = [unit.name for unit in config.units if unit.enabled]
    masks = [unit.name for unit in config.units if unit.masked]
    idle = [unit.name for unit in config.units if not unit.enabled and not unit.masked]
    held = ADDONS_UNIT if holds_addons else None
    plan = "".join(f"{_reader(file, units, held) or '-'} {file.path}\n" for file in files)
    members = {
        "kboot-apply": _Member(rendered("nodes/kboot-apply.j2"), 0o700),
        "plan": _Member(plan.encode()),
        "enabled": _Member("".join(f"{name}\n" for name in units).encode()),
        "idle": _Member("".join(f"{name}\n" for name in idle).encode()),
        "never": _Member("".join(f"{name}\n" for name in masks).encode()),
        "kept/ignition": _Member(ignition, 0o600),
        "kept/cloud-config": _Member(cloud_config, 0o600),
        **{f"files{file.path}": _Member(file.content, file.mode) for file in files},
        **{f"keys/{user}": _Member(keys, 0o600) for user, keys in _keys(config)},
    }
    # Written last and asked for first: an archive that was cut off changes nothing.
    members["SHA256SUMS"] = _Member(_sums(members))
    return _tar(members)


def _reader(file: File, enabled: list[str], held: str | None) -> str | None:
    """Return the unit that has to start anew for a file, if it is enabled; what a timer starts reads it when due."""
    unit = file.read_by or ""
    return unit if (unit in enabled and unit != held) or unit.startswith("systemd-") else None


def _order(file: File) -> tuple[int, str]:
    """Static pods after what they read, the list of files after all of them, the hash when everything is in force."""
    late = {CONFIG_FILES: 2, CONFIG_HASH: 3}
    return late.get(file.path, 1 if file.path.startswith(_MANIFESTS) else 0), file.path


def _keys(config: NodeConfig) -> Iterator[tuple[str, bytes]]:
    """Whose ssh keys are set: an account without declared ones is left as it is."""
    for name, keys in ((ACCOUNT, config.ssh_authorized_keys), *((u.name, u.ssh_authorized_keys) for u in config.users)):
        if keys:
            yield name, "".join(f"{key}\n" for key in keys).encode()


def _sums(members: Mapping[str, _Member]) -> bytes:
    """As sha256sum(1) checks it, which writes a backslash in a name twice."""
    lines = []
    for name, member in members.items():
        mark, shown = ("\\", name.replace("\\", "\\\\")) if "\\" in name else ("", name)
        lines.append(f"{mark}{sha256(member.content).hexdigest()}  {shown}\n")
    return "".join(lines).encode()


def _tar(members: Mapping[str, _Member]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, member in members.items():
            entry = tarfile.TarInfo(name)  # root's, of 1970
            entry.size, entry.mode = len(member.content), member.mode
            tar.addfile(entry, io.BytesIO(member.content))
    return stream.getvalue()
