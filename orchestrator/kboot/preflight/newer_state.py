"""The version of the cloud-config server's database, looked at before a server is started that could not read it."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.shared_files import DATABASE, DATABASE_VERSION

from ..errors import BadInput
from ..host.files import failed

_MAGIC = b"SQLite format 3\0"
_VERSION = slice(60, 64)  # `PRAGMA user_version`, big-endian; sqlite.org/fileformat2.html
_LOG = "-wal"  # what was committed and is not in the database itself yet


def refuse_newer_state(folder: ClusterFolder) -> None:
    """Raise BadInput where a newer kboot's server has kept the state of machines; that server may run meanwhile."""
    path = folder.state / DATABASE
    try:
        version = _version(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failed(error, path) from error
    if version > DATABASE_VERSION:
        raise BadInput(
            f"{path}: is of a newer kboot: its version is {version}, and this kboot knows {DATABASE_VERSION}",
            "run that kboot, or a newer one; nothing was changed",
        )


def _version(path: Path) -> int:
    """Return the version of a database, or of what its log brings; 0 for what is damaged, which the server looks at."""
    with path.open("rb") as file:
        head = file.read(100)
    if not head.startswith(_MAGIC):
        return 0
    version = int.from_bytes(head[_VERSION], "big")
    with suppress(FileNotFoundError):
        if path.with_name(f"{path.name}{_LOG}").stat().st_size:
            return max(version, _logged_version(path))
    return version


def _logged_version(path: Path) -> int:
    """Return the version as SQLite reads it out of database and log, in copies: it would write beside the true ones.

    The log is copied first. What a server that runs takes out of it meanwhile is in the database then. The copies lie
    in the cluster's folder: /tmp may be memory, and smaller.
    """
    import sqlite3

    with tempfile.TemporaryDirectory(prefix=".state-", dir=path.parent.parent) as scratch:
        for end in (_LOG, ""):
            shutil.copyfile(f"{path}{end}", Path(scratch, f"{DATABASE}{end}"))
        try:
            with closing(sqlite3.connect(Path(scratch, DATABASE))) as db:
                return int(db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0
