"""What a render changes, in lines, and which machines it concerns; what is secret stays unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node
from kboot_clusterdesc.shared_files import CONFIG_HASH

from ..render import RenderedFile
from .render_folder import Change, FileChange

_SECRET_FOLDERS = ("tls/", "nodes/", "pki/")
_READABLE = 0o004  # by others than the service and its group: a file without it holds what they may not know
_LOGIN = re.compile(r"""(//)[^/\s"]+@""")  # of a URL: up to the last `@` before its path, for a password may have some
_MOST_LINES = 400  # of one file


class Fate(StrEnum):
    """What a render means for a machine; none of it happens by itself but an install of one that is new."""

    NEW = "new"
    OUTDATED = "outdated"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that a render changes, with the lines; `is_secret` where these are not for a terminal."""

    path: str
    change: Change
    lines: tuple[str, ...] = ()
    is_secret: bool = False


def changed_files(
    folder: ClusterFolder, rendered: Mapping[str, RenderedFile], changes: Sequence[FileChange]
) -> list[ChangedFile]:
    """Return each change with its lines, as `diff -u` has them."""
    return [_changed(folder, rendered.get(change.path), change) for change in changes]


def fates(
    folder: ClusterFolder, before: ClusterDesc | None, after: ClusterDesc, rendered: Mapping[str, RenderedFile]
) -> dict[str, Fate]:
    """Return machine -> what the render means for it; those that it leaves as they are are left out."""
    return dict(_fates(folder, before, after, rendered))


def dropped(before: ClusterDesc | None, after: ClusterDesc) -> list[Node]:
    """Return the nodes of the description in force that another one has no longer, by any of their cards."""
    kept = {mac for node in after.nodes for mac in node.macs}
    return [node for node in before.nodes if kept.isdisjoint(node.macs)] if before is not None else []


def _fates(
    folder: ClusterFolder, before: ClusterDesc | None, after: ClusterDesc, rendered: Mapping[str, RenderedFile]
) -> Iterator[tuple[str, Fate]]:
    known = {mac for node in before.nodes for mac in node.macs} if before is not None else set()
    for node in after.nodes:
        if known.isdisjoint(node.macs):
            yield node.name, Fate.NEW
            continue
        path = f"nodes/{node.mac.dashed}/{CONFIG_HASH}"
        if path in rendered and _content(folder, path) != rendered[path].content:
            yield node.name, Fate.OUTDATED
    for node in dropped(before, after):
        yield node.name, Fate.DROPPED


def _changed(folder: ClusterFolder, file: RenderedFile | None, change: FileChange) -> ChangedFile:
    modes = [*_mode(folder, change.path), *([file.mode] if file is not None else [])]
    if change.path.startswith(_SECRET_FOLDERS) or not all(mode & _READABLE for mode in modes):
        return ChangedFile(change.path, change.change, is_secret=True)
    before = _text(_content(folder, change.path))
    after = _text(file.content if file is not None else b"")
    names = ("/dev/null" if change.change is Change.ADDED else f"a/{change.path}"), f"b/{change.path}"
    lines = [_LOGIN.sub(r"\1***@", line) for line in unified_diff(before, after, *names, lineterm="")]
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"… and {len(lines) - _MOST_LINES} lines more"]
    return ChangedFile(change.path, change.change, tuple(lines))


def _mode(folder: ClusterFolder, path: str) -> Iterator[int]:
    """Yield the mode of a file as it stands there, where it does: what was secret stays so when its mode changes."""
    with suppress(OSError):
        yield (folder.path / path).stat().st_mode


def _content(folder: ClusterFolder, path: str) -> bytes:
    try:
        return (folder.path / path).read_bytes()
    except OSError:  # it is new, or not to be read by us
        return b""


def _text(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()
