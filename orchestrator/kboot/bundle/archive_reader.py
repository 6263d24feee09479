"""Reads a bundle once from its first byte to its last, and takes nothing but what its manifest foretells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Protocol

from ..errors import BadInput
from ..supplies.bundle_manifest import Blob, Item, parse_manifest
from . import layout
from .hashing import HashBeside

CHUNK = 1 << 20  # bytes
_AGAIN = "copy the bundle again from where it was made"


class Stream(Protocol):
    """Some bytes to be read in order."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...

    def ending(self) -> str:
        """Return why it may have ended too early: which part is missing or cut short; nothing where that is unknown."""
        ...


class BundleReader:
    """A bundle of which head, manifest and signature are read and fit each other; `contents` reads the rest.

    `judge` is given the bytes of the manifest and the signature, and raises where they are not to be trusted; nothing
    is read out of the manifest before. Raises BadInput, which names the entry that is wrong.
    """

    def __init__(self, stream: Stream, where: str, judge: Callable[[bytes, bytes | None], str | None]) -> None:
        self._stream = stream
        self._where = where
        head = self._read(layout.HEAD_SIZE, "the program at its head")
        named = layout.named_manifest(head, where)
        content = self._manifest()
        found = sha256(content).hexdigest()
        if found != named:
            raise self._wrong(layout.MANIFEST, f"its bytes are sha256:{found}, the head names sha256:{named}")
        self.signature: bytes | None = None
        self._next = self._read(layout.BLOCK, "the entry after manifest.json")
        if self._next.startswith(layout.SIGNATURE.encode()):
            self._check_header(layout.SIGNATURE, layout.SIGNATURE_SIZE, self._next)
            self.signature = self._content(layout.SIGNATURE, layout.SIGNATURE_SIZE)
            self._next = b""
        self.signer = judge(content, self.signature)
        self.manifest = parse_manifest(content, where)
        if layout.head_sha256(head) != self.manifest.head:
            raise self._wrong("the program at its head", "is not that which manifest.json names")

    def contents(self) -> Iterator[tuple[Item, Blob, Iterator[bytes]]]:
        """Yield the archive's contents in order, each with the first item that needs it and its bytes in chunks.

        Each has to be read to its end, where its hash is compared, before the next; the archive's end is checked last.
        """
        with ThreadPoolExecutor(1) as pool:
            for item, blob in self.manifest.archived.values():
                entry = f"{layout.blob_name(blob.digest)} of {item.kind} {item.name}"
                block, self._next = self._next or self._read(layout.BLOCK, entry), b""
                self._check_header(layout.blob_name(blob.digest), blob.size, block, entry)
                yield item, blob, self._checked(blob, entry, HashBeside(pool))
        end, self._next = self._next + self._read(len(layout.END) - len(self._next), "its end"), b""
        if end != layout.END:
            raise self._wrong("its end", "holds an entry that manifest.json does not name")
        if self._stream.read(1):
            raise self._wrong("its end", "is followed by more bytes")

    def _manifest(self) -> bytes:
        block = self._read(layout.BLOCK, layout.MANIFEST)
        size = layout.size_in(block)
        if size is None or not 0 <= size <= layout.MANIFEST_LIMIT_BYTES:
            raise self._wrong(layout.MANIFEST, "its header is none of a bundle's")
        self._check_header(layout.MANIFEST, size, block)
        return self._content(layout.MANIFEST, size)

    def _check_header(self, name: str, size: int, block: bytes, entry: str = "") -> None:
        if block != layout.header(name, size):
            raise self._wrong(entry or name, "its header is not the one that manifest.json foretells")

    def _content(self, entry: str, size: int) -> bytes:
        content = self._read(size, entry)
        self._check_padding(size, entry)
        return content

    def _checked(self, blob: Blob, entry: str, total: HashBeside) -> Iterator[bytes]:
        left = blob.size
        while left:
            chunk = self._stream.read(min(left, CHUNK))
            if not chunk:
                raise self._ended(entry)
            total.update(chunk)
            left -= len(chunk)
            yield chunk
        if (found := total.digest()) != blob.digest:
            raise self._wrong(entry, f"its bytes are {found}")
        self._check_padding(blob.size, entry)

    def _check_padding(self, size: int, entry: str) -> None:
        if any(self._read(layout.padding(size), entry)):
            raise self._wrong(entry, "is followed by something else than zeros")

    def _read(self, size: int, entry: str) -> bytes:
        parts: list[bytes] = []
        while size:
            chunk = self._stream.read(size)
            if not chunk:
                raise self._ended(entry)
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)

    def _ended(self, entry: str) -> BadInput:
        why = self._stream.ending()
        return BadInput(f"{self._where}: ends within {entry}" + (f": {why}" if why else ""), _AGAIN)

    def _wrong(self, entry: str, what: str) -> BadInput:
        return BadInput(f"{self._where}: {entry}: {what}", _AGAIN)
