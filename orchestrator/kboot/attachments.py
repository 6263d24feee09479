"""Reads the files that a description names, beside it."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterDesc, InvalidDescription, Place, Problem

from .node import NodeConfig, read_extra
from .render import Attachments

_ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


def read_attachments(desc: ClusterDesc, description: Path) -> Attachments:
    """The attachments of `desc`, which stood in `description`; raises InvalidDescription where one is not usable."""
    extras: dict[str, NodeConfig] = {}
    for name in [desc.os.extra, *(node.extra for node in desc.nodes)]:
        if name is not None and name not in extras:
            path = description.parent / name
            extras[name] = read_extra(_read(path, "os.extra", description), str(path))
    return Attachments(_release_key(desc, description), extras)


def _release_key(desc: ClusterDesc, description: Path) -> bytes | None:
    if desc.os.release_key is None:
        return None
    path = description.parent / desc.os.release_key
    key = _read(path, "os.release_key", description)
    if _ARMOR not in key:
        raise _invalid(path, "os.release_key", "holds no armored public key", "write it with `gpg --armor --export`")
    return key


def _read(path: Path, key: str, description: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        hint = f"{key} is looked for beside {description}"
        raise _invalid(path, key, f"cannot be read: {error.strerror}", hint) from error


def _invalid(path: Path, key: str, message: str, hint: str) -> InvalidDescription:
    return InvalidDescription([Problem(Place(str(path), 1, 1), key, message, hint)])
