"""Copies certificates out of the cluster's folder, for other programs that need them."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node

from ...errors import BadInput
from ...host.files import write_file
from ..node_keys import Authority, key_specs
from .cluster_secrets import node_key_path


def export(folder: ClusterFolder, desc: ClusterDesc, target: Path, node: Node | None = None) -> list[str]:
    """Copy the authorities' certificates and every pair of `node` into `target`; return the names written, in order."""
    files = {f"{each}.pem": folder.pki / f"{each}.pem" for each in Authority}
    if node is not None:
        for spec in key_specs(desc, node):
            for ending in ("pem", "key"):
                files[f"{spec.name}.{ending}"] = folder.pki / f"{node_key_path(node.mac, spec.name)}.{ending}"
    contents = {name: content for name, path in files.items() if (content := _content(path)) is not None}
    _refuse_filled(target)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            write_file(target / name, content, mode=0o600)
    except OSError as error:
        raise BadInput(f"{target}: cannot be written: {error.strerror}", "name another folder") from error
    return sorted(contents)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # an authority that this cluster does not need
        return None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", "run kboot as root") from error


def _refuse_filled(target: Path) -> None:
    try:
        filled = any(target.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}", "name a new or empty folder") from error
    if filled:
        raise BadInput(f"{target}: is not empty", "name a new or empty folder")
