"""An unfinished download: its bytes in `<name>.part`, and in `<name>.part.json` what they are a part of."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

_SHOWN_BYTES = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)")


@dataclass(frozen=True, slots=True)
class Validator:
    """The ETag or date that tells one edition of a file at the server from another (RFC 9110, 8.8)."""

    value: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validator:
        """Return the strong ETag of an answer, else its date; a weak ETag does not vouch for single bytes."""
        etag = headers.get("etag", "")
        return cls((etag if etag and not etag.startswith("W/") else None) or headers.get("last-modified"))


class Reader(Protocol):
    """What reads a file while it comes, such as gpgv."""

    def begin(self) -> None:
        """Forget what was read: the file starts anew."""

    def take(self, piece: bytes | memoryview) -> None:
        """Read the next piece of the file."""


class PartFile:
    """The part of the file `target` that was downloaded so far; `size` is its length in bytes.

    `reader` is shown each byte once, in order, after it was written.
    """

    def __init__(self, target: Path, reader: Reader | None = None) -> None:
        self._target = target
        self._reader = reader
        self._shown_bytes = 0
        self._part = target.with_name(f"{target.name}.part")
        self._facts = target.with_name(f"{target.name}.part.json")
        self.size = self._part.stat().st_size if self._part.exists() else 0

    @property
    def name(self) -> str:
        """The name of the file when it is whole."""
        return self._target.name

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self._target.parent

    def resume_headers(self, url: str) -> dict[str, str]:
        """Return the HTTP headers that ask for the rest of the file; none where the whole file must come again."""
        facts = self._read_facts()
        validator, length = facts.get("validator"), facts.get("length")
        complete = isinstance(length, int) and self.size >= length
        if not self.size or complete or facts.get("url") != url or not isinstance(validator, str):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": validator}

    def continues(self, content_range: str) -> bool:
        """Whether an answer's Content-Range goes on exactly where the part ends, in the same file."""
        match = _CONTENT_RANGE.fullmatch(content_range.strip())
        length = self._read_facts().get("length")
        return (
            match is not None
            and int(match[1]) == self.size
            and (match[2] == "*" or length is None or int(match[2]) == length)
        )

    def begin(self, url: str, validator: Validator, length: int | None) -> None:
        """Start anew with an answer that brings the whole file."""
        self.discard()
        self._facts.write_text(json.dumps({"url": url, "validator": validator.value, "length": length}))
        self._part.touch()

    def is_whole(self, url: str) -> bool:
        """Whether an earlier run downloaded every byte, and only the rename to the final name is missing."""
        facts = self._read_facts()
        return self.size > 0 and facts.get("url") == url and facts.get("length") == self.size

    def append(self, stream: BinaryIO, data: bytes) -> None:
        """Write all of `data`, in several writes if need be: a disk that fills up takes a part before it fails."""
        left = memoryview(data)
        while left:
            written = stream.write(left)
            self.size += written
            self._show(left[:written])
            left = left[written:]

    def catching_up(self) -> Iterator[int]:
        """Show the reader what an earlier run left on the disk; yields how many bytes it has been shown."""
        if self._reader is None or self._shown_bytes == self.size:
            return
        with self._part.open("rb") as stream:
            while piece := stream.read(_SHOWN_BYTES):
                self._show(piece)
                yield self._shown_bytes

    def opened(self) -> BinaryIO:
        """Open the part to append to it; unbuffered, so that no byte is lost whatever ends the process."""
        return self._part.open("ab", buffering=0)

    def discard(self) -> None:
        """Delete what was downloaded so far."""
        self._part.unlink(missing_ok=True)
        self._facts.unlink(missing_ok=True)
        self.size = self._shown_bytes = 0
        if self._reader is not None:
            self._reader.begin()

    def finish(self) -> None:
        """Sync the whole file to the disk and give it its final name."""
        with self._part.open("rb") as stream:
            os.fsync(stream.fileno())
        self._part.replace(self._target)
        self._facts.unlink(missing_ok=True)

    def _show(self, piece: bytes | memoryview) -> None:
        if self._reader is not None:
            self._reader.take(piece)
            self._shown_bytes += len(piece)

    def _read_facts(self) -> dict[str, object]:
        try:
            facts = json.loads(self._facts.read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}
