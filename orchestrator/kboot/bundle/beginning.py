"""The beginning of a bundle: what it says of itself, which is read without the rest of it."""

from __future__ import annotations

from pathlib import Path

from .archive_reader import BundleReader
from .parts import reading
from .signature import judge


def beginning(path: Path) -> BundleReader:
    """Return a bundle of which head, manifest and signature fit each other; raise BadInput where they do not.

    A signature that is there holds; whose it is nobody has said.
    """
    with reading(path) as stream:
        return BundleReader(stream, str(path), judge({}, str(path)))
