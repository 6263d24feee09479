"""What `install_disk` says: the path of a disk, or a rule that one disk of a machine fits."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIZE = re.compile(r"([0-9]{1,6})([MGT])B?")
_UNIT_BYTES = {"M": 10**6, "G": 10**9, "T": 10**12}  # as disks are sold
_MODEL = re.compile(r"[A-Za-z0-9 ._+/()*?-]{1,100}")
ROOM_BYTES = 8 * 10**9  # of the OS image; a smaller disk is never the smallest


@dataclass(frozen=True, slots=True)
class InstallDisk:
    """The disk that a machine is installed to: the one at `path`, or without a path the one that fits the rest."""

    path: str | None = None
    model: str | None = None  # may hold * and ?
    min_bytes: int | None = None
    is_smallest: bool = False


def install_disk(text: str) -> InstallDisk:
    """Read the value of `install_disk`; ValueError for what is neither a path nor a rule."""
    if text.startswith("/"):
        return InstallDisk(path=text)
    words = [word.strip() for word in text.split(",")]
    named = dict(_named(word) for word in words)
    if len(named) != len(words):
        raise ValueError(f"`{text}` says one thing twice")
    is_smallest = "smallest" in named
    min_bytes = _bytes(named["min_size"]) if "min_size" in named else ROOM_BYTES if is_smallest else None
    return InstallDisk(model=named.get("model"), min_bytes=min_bytes, is_smallest=is_smallest)


def _named(word: str) -> tuple[str, str]:
    key, _, value = (part.strip() for part in word.partition(":"))
    if word == "smallest" or (key == "min_size" and value) or (key == "model" and _MODEL.fullmatch(value)):
        return key, value
    raise ValueError(f"`{word[:80]}` is none of smallest, model:<name>, min_size:<size>")


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if not match or int(match[1]) == 0:
        raise ValueError(f"`{text[:40]}` is not a size such as 200G or 2T")
    return int(match[1]) * _UNIT_BYTES[match[2]]
