"""Opens the database file: whole, made where the cluster is new, set aside where it is damaged."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kboot_clusterdesc.layout import STATE_MARK
from kboot_clusterdesc.shared_files import DATABASE_VERSION

_HEAD = b"SQLite format 3\0"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SERVED = "user.kboot.served"  # an attribute of the state's folder; xattr(7)
_BESIDE = ("-wal", "-shm", "-journal")  # what belongs to a database file; sqlite.org/tempfiles.html

# What a database has since each version. Each is made where it is missing, in one transaction with the new version: so
# the database of any older kboot becomes one of this, and of a run that is killed meanwhile stays what it was.
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS machines (mac TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS discovered (mac TEXT PRIMARY KEY, ip TEXT NOT NULL, since TEXT NOT NULL) STRICT",
    # Machines that joined undeclared; the table is called as in the databases of earlier versions.
    "CREATE TABLE IF NOT EXISTS adopted (mac TEXT PRIMARY KEY, since TEXT NOT NULL, report_sha256 TEXT) STRICT",
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,"
    " mac TEXT, ip TEXT, detail TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS doubt (since TEXT NOT NULL, reason TEXT NOT NULL, kept TEXT) STRICT",
    "CREATE TABLE IF NOT EXISTS heard (mac TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS updates (mac TEXT PRIMARY KEY, history TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS rollout (name TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS notified (receiver TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS logins (sha256 TEXT PRIMARY KEY, kind TEXT NOT NULL, made TEXT NOT NULL,"
    " operator_sha256 TEXT NOT NULL) STRICT",
    f"PRAGMA user_version = {DATABASE_VERSION}",
)


class UnusableState(Exception):
    """The disk or its rights keep the state from being read or written; the file may be good and was left alone."""


class NewerState(Exception):
    """A newer kboot has made the tables: this one would not know what it reads, nor what it leaves out as it writes."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Why the state has to be taken for lost, and the name under which the damaged file is kept, if one was there."""

    reason: str
    kept: str | None = None


def open_database(path: Path, now: datetime, *, is_marked: bool) -> tuple[sqlite3.Connection, Loss | None]:
    """Open the database at `path`, and return it with what was lost; None where a cluster begins, or goes on as it was.

    With `is_marked` a cluster begins where its mark is, and nowhere else. Where nobody marks, it also begins in a
    folder that holds no database and has not been served before. Raise NewerState for that of a newer kboot.
    """
    blank = _blank(path)
    begins = is_marked_new(path) or not (is_marked or path.exists() or _was_served(path.parent))
    try:
        db = _connected(path)
    except sqlite3.DatabaseError as error:
        # a disk that is full or read-only says nothing about the file
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            raise
        kept = _set_aside(path, now)
        return _connected(path), Loss(f"{path.name} was damaged: {error}", kept)
    if version_of(db) or begins:
        return db, None
    return db, Loss(f"{path.name} {blank}")


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the database a second time, to read what is committed while another thread commits."""
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    db.execute("PRAGMA query_only = ON")
    return db


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the database's tables; 0 where it has none yet."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def is_marked_new(path: Path) -> bool:
    """Return whether no server has served this cluster yet."""
    return (path.parent / STATE_MARK).exists()


def take_mark(path: Path) -> None:
    """Remove the mark of a new cluster, for good: from here on a missing database is a loss."""
    with suppress(OSError):  # not every file system keeps attributes
        os.setxattr(path.parent, _SERVED, b"1")
    (path.parent / STATE_MARK).unlink(missing_ok=True)
    _sync(path.parent)


def _was_served(folder: Path) -> bool:
    """Return whether the folder was served before, which its attribute tells also after it was emptied."""
    with suppress(OSError):
        return bool(os.getxattr(folder, _SERVED))
    return False


def _blank(path: Path) -> str:
    if not path.exists():
        return "was missing"
    return "was empty" if path.stat().st_size == 0 else "held no state"


def _connected(path: Path) -> sqlite3.Connection:
    _check_head(path)
    db = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)  # see Commits
    try:
        if (version := version_of(db)) > DATABASE_VERSION:  # before anything of it is judged, or changed
            raise NewerState(
                f"{path.name} is of a newer kboot: its version is {version}, and this kboot knows {DATABASE_VERSION}"
            )
        if db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise _damage("database disk image is malformed", sqlite3.SQLITE_CORRUPT)
        db.execute("PRAGMA journal_mode = WAL")
        # a disarming that a power cut takes back would wipe a disk: every commit reaches the disk
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def _check_head(path: Path) -> None:
    """Raise for a file that was never a database, before SQLite folds another file's log into it."""
    if path.is_file():
        with path.open("rb") as file:
            if (head := file.read(len(_HEAD))) and head != _HEAD:
                raise _damage("file is not a database", sqlite3.SQLITE_NOTADB)


def _damage(text: str, code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = code
    return error


def _set_aside(path: Path, now: datetime) -> str:
    """Rename the damaged file and what belongs to it, and return the new name."""
    aside = f"{path.name}.damaged-{now:%Y%m%dT%H%M%S.%fZ}"  # microseconds, so that a later damage takes another name
    for ending in (*_BESIDE, ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(path.with_name(aside + ending))
    _sync(path.parent)
    return aside


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
