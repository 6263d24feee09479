"""The version of the cloud-config server's database, looked at before a server is started that could not read it."""

from __future__ import annotations

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.shared_files import DATABASE, DATABASE_VERSION

from ..errors import BadInput
from ..host.files import failed

_MAGIC = b"SQLite format 3\0"
_VERSION = slice(60, 64)  # `PRAGMA user_version`, big-endian; sqlite.org/fileformat2.html


def refuse_newer_state(folder: ClusterFolder) -> None:
    """Raise BadInput where a newer kboot's server has kept the state of machines; that server may run meanwhile."""
    path = folder.state / DATABASE
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed(error, path) from error
    version = int.from_bytes(head[_VERSION], "big")
    if head.startswith(_MAGIC) and version > DATABASE_VERSION:
        raise BadInput(
            f"{path}: is of a newer kboot: its version is {version}, and this kboot knows {DATABASE_VERSION}",
            "run that kboot, or a newer one; nothing was changed",
        )
