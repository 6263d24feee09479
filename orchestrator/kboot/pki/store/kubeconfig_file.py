"""The kubeconfig that kubectl reads by itself, changed whole and under kubectl's own lock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ...errors import BadInput, NotYet
from ...host.files import write_file
from ..kubeconfig_merge import as_written, context_name, may_have_comments, merged


@dataclass(frozen=True, slots=True)
class Merge:
    """What became of a merge: the file, the context in it, and where its content with comments was put."""

    file: Path
    context: str
    is_changed: bool
    backup: Path | None


def default_kubeconfig(environ: Mapping[str, str], home: Path) -> Path:
    """Return the file that kubectl would write a new entry into: of $KUBECONFIG the first that exists, else its last.

    Without it ~/.kube/config. (client-go, `PathOptions.GetDefaultFilename`)
    """
    named = [Path(each) for each in environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    if not named:
        return home / ".kube" / "config"
    return next((path for path in named if path.exists()), named[-1])


def merge_kubeconfig(target: Path, content: bytes, now: datetime, name: str | None = None) -> Merge:
    """Put the one cluster of the kubeconfig `content` into the file `target`, whose other entries stay as they are.

    Raise BadInput where that cannot be read, is no kubeconfig, or has an entry of the name that is not ours; NotYet
    while another program changes it.
    """
    own: dict[str, Any] = yaml.safe_load(content)
    file = target.resolve()  # a link stays one
    try:
        _make_folder(file.parent)
        with _locked(file):
            return _merge(target, file, own, now, name)
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}", "name another file with `-o`") from error


def _merge(target: Path, file: Path, own: dict[str, Any], now: datetime, name: str | None) -> Merge:
    before, uid = _read(target, file)
    after = merged(before, str(target), own, name)
    context = context_name(own, name)
    if before.strip() and after == as_written(before, str(target)):
        return Merge(target, context, False, None)
    backup = None
    if may_have_comments(before):
        backup = target.with_name(f"{target.name}.before-kboot-{now:%Y%m%dT%H%M%SZ}")
        write_file(backup, before.encode(), mode=0o600, uid=uid)
    write_file(file, after.encode(), mode=0o600, uid=uid)
    return Merge(target, context, True, backup)


def _read(target: Path, file: Path) -> tuple[str, int]:
    """Return what the file has, and whose it is; empty where there is none, and of the owner of its folder."""
    try:
        return file.read_bytes().decode("utf-8-sig"), file.stat().st_uid
    except FileNotFoundError:
        return "", file.parent.stat().st_uid
    except UnicodeDecodeError as error:
        raise BadInput(f"{target}: is no text in UTF-8", "name another file with `-o`; nothing was changed") from error


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700)
    above = folder.parent.stat()
    os.chown(folder, above.st_uid, above.st_gid)  # under sudo it is to be of the user whose home it is in


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock by which kubectl changes the file: another one of that name beside it."""
    lock = file.with_name(f"{file.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise NotYet(
            f"{file}: another program is changing it, or broke off: {lock.name} is there",
            f"run this again; if nothing runs that would change it, `rm {lock}`",
        ) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
