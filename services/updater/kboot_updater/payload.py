"""Reads an update payload while it comes: what its signature covers, and that signature. Pure.

The form is update_engine's: a head of 20 bytes, a manifest, the data that it speaks of, and last the signatures over
all before them, whose place and size the manifest gives.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1, sha256

from .fault import NotTheFile, SignatureRefused
from .message_fields import message_fields

_HEAD = struct.Struct(">4sQQ")  # magic, version of the form, bytes of the manifest
_MAGIC, _FORM = b"CrAU", 1
_SIGNATURES_OFFSET, _SIGNATURES_SIZE = 4, 5  # fields of the manifest; the offset is from the manifest's end
_SIGNATURE, _VERSION, _DATA = 1, 1, 2  # fields of the signatures, and of each one
_CLIENTS_VERSION = 2  # the one signature of several that update_engine looks at
_MOST_MANIFEST_BYTES = 16 << 20  # those of Flatcar have some 100 KiB
_MOST_SIGNATURES_BYTES = 64 << 10
_CHECKSUM = re.compile(r"([0-9a-fA-F]{64})(?:[ \t]+\*?(\S+))?\s*")


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that was read to its end; nobody has verified the signature yet. `size` is in bytes."""

    size: int
    sha1: bytes
    sha256: bytes
    signed_sha256: bytes  # of all before the signatures
    signature: bytes


class PayloadReader:
    """Reads the payload `name` piece by piece, and keeps no more of it than manifest and signatures."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.begin()

    def begin(self) -> None:
        """Forget what was read: the payload starts anew."""
        self._sha1, self._sha256 = sha1(usedforsecurity=False), sha256()
        self._size = 0
        self._end = _HEAD.size  # where the part ends that is being read
        self._kept: bytearray | None = bytearray()  # of that part; None for data, which is hashed alone
        self._step: Callable[[], None] | None = self._end_head
        self._signatures_size = 0
        self._signed = self._signature = b""

    def take(self, piece: bytes | memoryview) -> None:
        """Read the next piece; raises NotTheFile or SignatureRefused once this can be no payload that is signed."""
        left = memoryview(piece)
        while left:
            taken, left = left[: self._end - self._size], left[self._end - self._size :]
            if not taken:
                raise SignatureRefused(f"{self._name} is refused: it goes on after its signatures")
            self._sha1.update(taken)
            self._sha256.update(taken)
            self._size += len(taken)
            if self._kept is not None:
                self._kept += taken
            while self._size == self._end and self._step is not None:
                self._step()

    def payload(self) -> Payload:
        """Return the payload, once it was read whole; raises NotTheFile or SignatureRefused."""
        if self._step == self._end_head:
            raise NotTheFile(f"{self._name} is no update payload: it has {self._size} bytes")
        if self._step is not None:
            raise SignatureRefused(f"{self._name} is refused: it is cut off after {self._size} bytes")
        return Payload(self._size, self._sha1.digest(), self._sha256.digest(), self._signed, self._signature)

    def _end_head(self) -> None:
        magic, form, manifest_size = _HEAD.unpack(self._content())
        if magic != _MAGIC:
            raise NotTheFile(f"{self._name} is no update payload: it begins with {magic!r}, not {_MAGIC!r}")
        if form != _FORM:
            raise SignatureRefused(f"{self._name} is refused: it is of form {form}, only {_FORM} is known")
        if manifest_size > _MOST_MANIFEST_BYTES:
            raise SignatureRefused(f"{self._name} is refused: its manifest has {manifest_size} bytes")
        self._go_on(manifest_size, self._end_manifest, keep=True)

    def _end_manifest(self) -> None:
        offset, self._signatures_size = self._place_of_signatures(self._content())
        self._go_on(offset, self._end_data, keep=False)

    def _end_data(self) -> None:
        self._signed = self._sha256.digest()
        self._go_on(self._signatures_size, self._end_signatures, keep=True)

    def _end_signatures(self) -> None:
        self._signature = self._clients_signature(self._content())
        self._step = None

    def _go_on(self, size: int, step: Callable[[], None], *, keep: bool) -> None:
        """Read a part of that size next, and then take that step."""
        self._end += size
        self._step = step
        self._kept = bytearray() if keep else None

    def _content(self) -> bytes:
        return bytes(self._kept or b"")

    def _place_of_signatures(self, manifest: bytes) -> tuple[int, int]:
        said: dict[int, int] = {}
        try:
            for number, value in message_fields(manifest):
                if number in (_SIGNATURES_OFFSET, _SIGNATURES_SIZE) and isinstance(value, int):
                    said[number] = value
        except ValueError as error:
            raise SignatureRefused(f"{self._name} is refused: its manifest is damaged: {error}") from error
        size = said.get(_SIGNATURES_SIZE, 0)
        if _SIGNATURES_OFFSET not in said or size == 0:
            raise SignatureRefused(f"{self._name} is refused: it has no signature")
        if size > _MOST_SIGNATURES_BYTES:
            raise SignatureRefused(f"{self._name} is refused: its signatures have {size} bytes")
        return said[_SIGNATURES_OFFSET], size

    def _clients_signature(self, signatures: bytes) -> bytes:
        """Return the signature that the update client of the machines looks at: the first of its version."""
        try:
            each = (
                dict(message_fields(value))
                for number, value in message_fields(signatures)
                if number == _SIGNATURE and isinstance(value, memoryview)
            )
            found = next((one for one in each if one.get(_VERSION) == _CLIENTS_VERSION), {})
        except ValueError as error:
            raise SignatureRefused(f"{self._name} is refused: its signatures are damaged: {error}") from error
        data = found.get(_DATA)
        if not isinstance(data, memoryview):
            raise SignatureRefused(f"{self._name} is refused: it has no signature of version {_CLIENTS_VERSION}")
        return bytes(data)


def stated_sha256(text: str, name: str) -> bytes:
    """Return the hash that the `.sha256` beside the payload `name` states, `HEX  NAME`; raises NotTheFile."""
    match = _CHECKSUM.fullmatch(text)
    if match is None or match[2] not in (None, name):
        raise NotTheFile(f"{name}.sha256 does not say the SHA-256 of {name}, but `{text[:60].strip()}`")
    return bytes.fromhex(match[1])
