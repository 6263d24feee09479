"""The layout of a bundle, byte for byte: a program of a fixed size, then a plain tar that its manifest foretells.

The tar holds `manifest.json`, `manifest.sig` where it was signed, then every content under its SHA-256. A reader makes
each header anew and compares it, so that no archive can hold a path, a mode or an entry of its own choice.
"""

from __future__ import annotations

import tarfile
from hashlib import sha256

from ..errors import BadInput
from ..supplies.bundle_manifest import FORMAT, Manifest

HEAD_SIZE = 1 << 15  # bytes; the program is smaller, line feeds fill it up
BLOCK = 512
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SIGNATURE_SIZE = 142  # bytes: a line of `signature.py`
MANIFEST_LIMIT_BYTES = 1 << 26
END = bytes(2 * BLOCK)

_FIRST_LINES = b"#!/bin/sh\n# kboot bundle, format %d\nmanifest="
_MAGIC = b"#!/bin/sh\n# kboot bundle, format "
_OPENING = _FIRST_LINES % FORMAT
_FIELD = slice(len(_OPENING), len(_OPENING) + 64)
_ZEROS = b"0" * 64


def head(program: bytes, manifest_sha256: str = "0" * 64) -> bytes:
    """Return the head: the lines by which a bundle is known, the hash of its manifest, and the rest of a program.

    The program has to end with an `exit`: a shell that reads on would meet the tar.
    """
    whole = _OPENING + manifest_sha256.encode() + b"\n" + program
    if len(whole) > HEAD_SIZE:
        raise ValueError(f"the program is {len(whole) - HEAD_SIZE} bytes too long")
    return whole.ljust(HEAD_SIZE, b"\n")


def head_sha256(content: bytes) -> str:
    """Return the SHA-256 of a head whose field for the manifest's hash is zeroed, in hex."""
    zeroed = bytearray(content)
    zeroed[_FIELD] = _ZEROS
    return sha256(zeroed).hexdigest()


def named_manifest(content: bytes, where: str) -> str:
    """Return the SHA-256 of the manifest, in hex, that a head names; raise BadInput where it is no head of a bundle."""
    if not content.startswith(_MAGIC):
        raise BadInput(f"{where}: is no bundle of kboot", "make one with `kboot bundle create`, or name its first part")
    if not content.startswith(_OPENING):
        number = content[len(_MAGIC) :].split(b"\n")[0][:20].decode(errors="replace")
        raise BadInput(
            f"{where}: is a bundle of format {number!r}, this kboot reads format {FORMAT}",
            "run `sh` with the bundle: it brings the kboot that reads it",
        )
    return content[_FIELD].decode(errors="replace")


def header(name: str, size: int) -> bytes:
    """Return the tar header of an entry: readable by all, of no user, of no time."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry.tobuf(tarfile.GNU_FORMAT)


def size_in(block: bytes) -> int | None:
    """Return the size that the tar header `block` says; None where it is no header."""
    try:
        return tarfile.TarInfo.frombuf(block, "ascii", "surrogateescape").size
    except tarfile.HeaderError:
        return None


def blob_name(digest: str) -> str:
    """Return the name of the entry with the content of this digest."""
    return f"blobs/{digest.replace(':', '/')}"


def padding(size: int) -> int:
    """Return how many zeros follow a content of `size` bytes."""
    return -size % BLOCK


def archive_size(manifest: Manifest, *, is_signed: bool) -> int:
    """Return the bytes of the whole archive."""
    sizes = [len(manifest.content), *(blob.size for _, blob in manifest.archived.values())]
    sizes += [SIGNATURE_SIZE] if is_signed else []
    return HEAD_SIZE + sum(BLOCK + size + padding(size) for size in sizes) + len(END)
