"""Takes a snapshot of etcd from whichever member gives one."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import BadInput, KbootError, NotYet
from ..host.files import replaced
from ..host.progress import Progress
from ..running.cloudconfig_client import JsonObject
from ..running.cluster_health import read_etcd_health
from ..running.etcd_client import client_context, snapshot_parts
from ..running.status import addresses_of
from ..running.tls_client import Fault
from .snapshot_file import NotWhole, SnapshotFile, verified

_Shown = Callable[[int, int], None]  # bytes that are here, bytes in all


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, the member that gave it, and why that member was not healthy (None where it was)."""

    path: Path
    file: SnapshotFile
    member: str
    unhealthy: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the form that `kboot etcd snapshot --json` prints."""
        return {
            "file": str(self.path),
            "bytes": self.file.size_bytes,
            "sha256": self.file.sha256,
            "member": self.member,
            "healthy": self.unhealthy is None,
        }


def take_snapshot(
    desc: ClusterDesc, folder: ClusterFolder, nodes: list[JsonObject], path: Path, progress: Progress
) -> Taken:
    """Save a snapshot to the new file `path` for its owner alone, whole or not at all.

    Raises NotYet where no member gives one, BadInput where `path` exists or there is no etcd.
    Healthy members are asked first. An unhealthy one gives what it has: without a quorum nothing else is left to save.
    """
    if path.exists() or path.is_symlink():
        raise BadInput(f"{path}: exists, and a snapshot replaces nothing", "name another file with `-o`")
    addresses, context = addresses_of(nodes), _context(desc, folder)
    health = zip(desc.etcd_members, read_etcd_health(desc, folder, addresses), strict=True)
    refusals = []
    for member, part in sorted(health, key=lambda each: not each[1].is_well):
        if member.mac not in addresses:
            refusals.append(f"{member.name}: {part.reason}")
            continue
        progress.say(f"asking {member.name} for a snapshot")
        try:
            file = _saved(path, member.name, addresses[member.mac], context, _moving(progress, member.name))
        except (Fault, NotWhole) as error:
            progress.clear()
            what = "what it sent " if isinstance(error, NotWhole) else ""
            refusals.append(f"{member.name}: {what}{error}")
            progress.say(refusals[-1])
        else:
            progress.clear()
            return Taken(path, file, member.name, None if part.is_well else part.reason)
    raise NotYet(
        f"no etcd member gave a snapshot: {'; '.join(refusals)}",
        "`kboot status` shows the members; older snapshots lie on each in /var/lib/etcd-snapshots",
    )


def _context(desc: ClusterDesc, folder: ClusterFolder) -> ssl.SSLContext:
    if not desc.etcd_members:
        raise BadInput(f"{folder.cluster} has no etcd", "give nodes the role `etcd`, or name another `--cluster`")
    try:
        return client_context(desc, folder.pki)
    except OSError as error:  # ssl.SSLError is an OSError too
        raise KbootError(
            f"{folder.pki}: the certificate to ask etcd with cannot be used: {error.strerror}",
            "run this as the user who ran `kboot up`, after it",
        ) from error


def _saved(path: Path, name: str, address: IPv4Address, context: ssl.SSLContext, shown: _Shown) -> SnapshotFile:
    """Save to `path` what the member sends; raise Fault or NotWhole, and leave no file then."""
    try:
        with replaced(path, mode=0o600) as stream:
            for part in snapshot_parts(name, address, context):
                stream.write(part.blob)
                shown(stream.tell(), stream.tell() + part.remaining_bytes)
            return verified(stream)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}", "name a file elsewhere with `-o`") from error


def _moving(progress: Progress, name: str) -> _Shown:
    """Return a function that shows how much has come."""

    def show(here: int, whole: int) -> None:
        progress.bar(name, here / 1e6, whole / 1e6)

    return show
