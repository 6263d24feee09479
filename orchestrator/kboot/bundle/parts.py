"""A bundle on the disk: one file, or parts of one size (`BUNDLE.001`, …) for disks that take no large file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import BadInput, KbootError
from ..host.files import sync_folder

LEAST_PART_BYTES = 1 << 20
_FIRST = ".001"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def part_size(text: str) -> int:
    """Return the bytes that `3.9G` stands for, K, M and G being 1024 of the one before; raise BadInput."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([KMG])", text)
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if size < LEAST_PART_BYTES:
        raise BadInput(f"`{text}` is no size for a part of a bundle", "write it as in `--split 3.9G`, at least 1M")
    return size


class PartReader:
    """The bytes of a bundle, through all of its parts where `path` is the first of some."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 1
        self._stream = _opened(path)
        self._first_bytes = self._bytes = os.fstat(self._stream.fileno()).st_size

    @property
    def is_split(self) -> bool:
        """Whether the bundle lies here in parts."""
        return self._path.name.endswith(_FIRST)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes of the part at hand, or of the next where that is at its end."""
        content = self._taken(size)
        if content or not self.is_split:
            return content
        following = part(self._path, self._number + 1)
        if not following.exists():
            return b""
        if self._bytes != self._first_bytes:
            raise BadInput(
                f"{part(self._path, self._number)}: has {self._bytes} bytes, the first part has {self._first_bytes}"
                f", and {following.name} follows",
                f"copy both again from where the bundle was made; if it has no {following.name} there, remove that: "
                "it is of another bundle",
            )
        self._stream.close()
        self._number += 1
        self._stream = _opened(following)
        self._bytes = os.fstat(self._stream.fileno()).st_size
        return self._taken(size)

    def ending(self) -> str:
        """Return which part is missing or cut short, if the bytes so far are not all."""
        if not self.is_split:
            return ""
        if self._bytes < self._first_bytes:
            return f"{part(self._path, self._number)} is cut short"
        return f"{part(self._path, self._number + 1)} is missing"

    def _taken(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            at_hand = self._path if self._number == 1 else part(self._path, self._number)
            raise KbootError(
                f"{at_hand}: cannot be read: {error.strerror}",
                "see that its disk is there and sound, or copy the bundle to another one; then run this again",
            ) from error

    def close(self) -> None:
        """Close the part at hand."""
        self._stream.close()


@contextmanager
def reading(path: Path) -> Iterator[PartReader]:
    """Yield the bytes of the bundle at `path`; raise BadInput where none is there."""
    reader = PartReader(path)
    try:
        yield reader
    finally:
        reader.close()


def part(first: Path, number: int) -> Path:
    """Return the path of a part beside the first."""
    return first.with_name(f"{first.name.removesuffix(_FIRST)}.{number:03d}")


class PartWriter:
    """Takes the bytes of a bundle into hidden files beside `path`; `finish` gives them their names."""

    def __init__(self, path: Path, part_bytes: int | None) -> None:
        self._path = path
        self._part_bytes = part_bytes
        self._left = part_bytes or 0
        self._files: list[tuple[Path, Path]] = []
        self._stream = self._begin()

    @property
    def first(self) -> Path:
        """The path by which the bundle is read."""
        return self._files[0][1]

    def write(self, content: bytes, /) -> None:
        """Take `content` whole."""
        if self._part_bytes is None:
            self._stream.write(content)
            return
        rest = memoryview(content)
        while rest:
            if not self._left:
                self._end()
                self._stream, self._left = self._begin(), self._part_bytes
            written = min(self._left, len(rest))
            self._stream.write(rest[:written])
            self._left -= written
            rest = rest[written:]

    def finish(self) -> None:
        """Sync what was written and put it in place, the first part last; parts of an older bundle go."""
        self._end()
        if self._part_bytes is not None:
            number = len(self._files) + 1
            while (older := part(self.first, number)).exists():
                older.unlink()
                number += 1
        for hidden, target in reversed(self._files):
            hidden.replace(target)
        sync_folder(self._path.parent)

    def discard(self) -> None:
        """Remove what was written and has no name yet."""
        for hidden, _ in self._files:
            hidden.unlink(missing_ok=True)
        self._stream.close()

    def _begin(self) -> BinaryIO:
        name = self._path.name if self._part_bytes is None else f"{self._path.name}.{len(self._files) + 1:03d}"
        hidden = self._path.with_name(f".{name}.new")
        self._files.append((hidden, self._path.with_name(name)))
        return hidden.open("wb")

    def _end(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def remove_left(path: Path) -> None:
    """Remove what a run that was killed left of a bundle at `path`."""
    hidden = re.compile(rf"\.{re.escape(path.name)}(\.\d{{3,}})?\.new")
    for left in [found for found in path.parent.glob(".*.new") if hidden.fullmatch(found.name)]:
        left.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, part_bytes: int | None = None) -> Iterator[PartWriter]:
    """Yield a writer of the bundle at `path`; it is there whole once the block has ended well, and not if not."""
    remove_left(path)
    writer = PartWriter(path, part_bytes)
    try:
        yield writer
        writer.finish()
    except BaseException:
        with suppress(OSError):
            writer.discard()
        raise


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        first = path.with_name(f"{path.name}{_FIRST}")
        hint = f"name its first part: {first}" if first.exists() else "name the file of a bundle"
        raise BadInput(f"{path}: cannot be read: {error.strerror}", hint) from error
