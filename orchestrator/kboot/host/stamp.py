"""The stamp of a cluster's folder: which kboot changed it last, and the format of what lies in it.

Whoever changes the folder writes it, under the lock. A folder of a newer format is left alone by every command.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kboot_clusterdesc import ClusterFolder

from ..errors import BadInput, KbootError
from .files import failed, sync_folder, write_file
from .lock import locked
from .migrations import FORMAT, MIGRATIONS, Move


class Stamp(BaseModel):
    """What `kboot.json` says. A newer kboot may say more; these two keys stay as they are for ever."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    kboot: str
    format: int = Field(ge=0)


UNSTAMPED = Stamp(kboot="", format=0)  # the folder of a kboot from before there were stamps


class NewerFolder(BadInput):
    """The folder is of a newer format than this kboot knows."""


def read_stamp(folder: ClusterFolder) -> Stamp:
    """Return the folder's stamp; UNSTAMPED where it has none. Raise KbootError for one that no kboot wrote."""
    try:
        return Stamp.model_validate_json(folder.stamp.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return UNSTAMPED
    except OSError as error:
        raise failed(error, folder.stamp) from error
    except ValidationError as error:
        raise KbootError(
            f"{folder.stamp}: is not what kboot writes there, so the folder's format is not known",
            "bring it back from a backup of that folder; where no newer kboot has been, remove it and run `kboot up`",
        ) from error


def is_newer(folder: ClusterFolder) -> bool:
    """Return whether the folder's stamp is none that this kboot could have written."""
    try:
        return read_stamp(folder).format > FORMAT
    except KbootError:
        return True


def refuse_newer(folder: ClusterFolder) -> None:
    """Raise NewerFolder where a newer kboot made the folder what it is."""
    stamp = read_stamp(folder)
    if stamp.format > FORMAT:
        raise NewerFolder(
            f"{folder.path}: was changed by kboot {stamp.kboot} and has format {stamp.format}; "
            f"this is kboot {version('kboot')}, which knows formats up to {FORMAT}",
            f"install kboot {stamp.kboot} or newer, and run this with that",
        )


@contextmanager
def held(folder: ClusterFolder) -> Iterator[None]:
    """Hold the cluster's lock; raise Locked, or NewerFolder before anything is touched."""
    refuse_newer(folder)
    with locked(folder.lock):
        refuse_newer(folder)  # the kboot that held the lock before may have been a newer one
        yield


@contextmanager
def changed(folder: ClusterFolder) -> Iterator[None]:
    """Hold the cluster's lock for a command that changes the folder, and stamp it; its format stays as it is."""
    with held(folder):
        _write_stamp(folder, read_stamp(folder).format)
        yield


def migrate(
    folder: ClusterFolder, say: Callable[[str], None], migrations: Sequence[Sequence[Move]] = MIGRATIONS
) -> None:
    """Bring the folder to the newest format, and stamp it; the caller holds the lock.

    A run that is killed in between leaves the older stamp: the next one makes the moves that are left.
    """
    before = read_stamp(folder).format
    try:
        for number, moves in enumerate(migrations[before:], before + 1):
            for move in moves:
                _make(move, folder)
            _write_stamp(folder, number)
        _write_stamp(folder, len(migrations))
    except OSError as error:
        raise failed(error, folder.path) from error
    if before < len(migrations) and folder.description.exists():
        say(f"{folder.path} is of format {len(migrations)} now, it was of format {before}")


def _make(move: Move, folder: ClusterFolder) -> None:
    """Make a move, unless an earlier run has, or there is nothing to move."""
    source, target = folder.path / move.source, folder.path / move.target
    if not _is_there(source):
        return
    if _is_there(target):
        raise KbootError(
            f"{source} is to lie at {target} now, where something lies already",
            "take what is not kboot's out of the way, then run this again",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    for parent in {source.parent, target.parent}:
        sync_folder(parent)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _write_stamp(folder: ClusterFolder, number: int) -> None:
    """Write the stamp where it differs, so that a second `up` changes no file."""
    stamp = Stamp(kboot=version("kboot"), format=number)
    if read_stamp(folder) == stamp:
        return
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        write_file(folder.stamp, f"{stamp.model_dump_json()}\n".encode())
    except OSError as error:
        raise failed(error, folder.stamp) from error
