"""Layers and images as an engine would hand them out, of a few small files."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from kboot.service_images.layers import Layer, kept_layer


def layer_tar(files: Mapping[str, bytes | str], time_s: int = 0, mode: int = 0o644) -> bytes:
    """A tar of files by path; text is the target of a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.mtime, entry.mode, entry.uname = time_s, mode, "builder"
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def layer_of(folder: Path, files: Mapping[str, bytes | str]) -> Layer:
    """The layer in a file."""
    return kept_layer(io.BytesIO(layer_tar(files)), folder)
