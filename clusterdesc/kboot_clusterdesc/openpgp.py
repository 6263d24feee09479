"""Read fingerprints and expiry dates from an OpenPGP public key (RFC 4880). Pure.

Nothing is verified here: gpgv does that, and a date from here counts only where gpgv reports it too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

_PUBLIC_KEY, _PUBLIC_SUBKEY, _SIGNATURE = 6, 14, 2
_ON_PRIMARY, _ON_SUBKEY = (0x10, 0x11, 0x12, 0x13, 0x1F), (0x18,)
_CREATED, _KEY_EXPIRES = 2, 9
_ARMOR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*\n(?:[A-Za-z]+:[^\n]*\n)*\s*\n?(.*?)-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)


@dataclass(slots=True)
class PublicKey:
    """A primary key or subkey. `end` is by its newest self-signature, None for never.

    `created`, and `signed`, when that was made (-1 where there is none), are in seconds since 1970.
    """

    fingerprint: str
    created: int
    end: datetime | None = None
    subkeys: list[PublicKey] = field(default_factory=list)
    signed: int = -1

    def end_of(self, fingerprint: str) -> datetime | None:
        """Return when this key or its subkey with that fingerprint expires: no subkey outlives its primary key."""
        own = next((key.end for key in self.subkeys if key.fingerprint == fingerprint), None)
        return min((end for end in (self.end, own) if end is not None), default=None)

    @property
    def renewed(self) -> int:
        """When the key or one of its subkeys was last signed by it: the newer of two copies was later."""
        return max(key.signed for key in (self, *self.subkeys))

    def note_signature(self, signed: int, lifetime_s: int) -> None:
        """Set `end` from a self-signature made at `signed`, unless a newer one was read before."""
        if signed >= self.signed:
            self.signed = signed
            self.end = datetime.fromtimestamp(self.created + lifetime_s, UTC) if lifetime_s else None


def dearmored(data: bytes) -> bytes:
    """Return the key in `data`, armored or not, in binary form, the only one that gpgv reads; raises ValueError."""
    if b"-----BEGIN" not in data:
        return data
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    blocks = [match[1] for match in _ARMOR.finditer(text)]
    if not blocks:
        raise ValueError("it holds no PGP PUBLIC KEY BLOCK")
    try:
        return b"".join(base64.b64decode(_without_checksum(block), validate=True) for block in blocks)
    except binascii.Error as error:
        raise ValueError(f"its armor is damaged: {error}") from error


def _without_checksum(block: str) -> str:
    return "".join(line.strip() for line in block.splitlines() if not line.startswith("="))


def public_keys(data: bytes) -> list[PublicKey]:
    """Return the primary keys in a binary keyring, with their subkeys; raises ValueError if there is none."""
    keys: list[PublicKey] = []
    latest: PublicKey | None = None
    try:
        for tag, body in _packets(data):
            if tag in (_PUBLIC_KEY, _PUBLIC_SUBKEY):
                latest = _key(body)
                if tag == _PUBLIC_KEY:
                    keys.append(latest)
                else:
                    keys[-1].subkeys.append(latest)
            elif tag == _SIGNATURE and latest is not None:
                _read_signature(body, latest, is_primary=latest is keys[-1])
    except (IndexError, OverflowError) as error:
        raise ValueError("it is damaged") from error
    if not keys:
        raise ValueError("it holds no public key")
    return keys


def _key(body: bytes) -> PublicKey:
    if body[0] != 4:
        raise ValueError(f"it holds a key of version {body[0]}, only version 4 is known")
    digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False)
    return PublicKey(digest.hexdigest().upper(), int.from_bytes(body[1:5], "big"))


def _read_signature(body: bytes, key: PublicKey, *, is_primary: bool) -> None:
    if body[0] != 4 or body[1] not in (_ON_PRIMARY if is_primary else _ON_SUBKEY):
        return
    hashed = body[6 : 6 + int.from_bytes(body[4:6], "big")]
    said = dict(_subpackets(hashed))
    signed = int.from_bytes(said.get(_CREATED, b""), "big")
    key.note_signature(signed, int.from_bytes(said.get(_KEY_EXPIRES, b""), "big"))


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        first = data[at]
        if not first & 0x80:
            raise ValueError("it is no OpenPGP key")
        if first & 0x40:
            tag, (length, start) = first & 0x3F, _length(data, at + 1)
        else:
            tag, octets = first >> 2 & 0x0F, 1 << (first & 3)
            if octets == 8:
                raise ValueError("it has a packet without a length")
            length, start = int.from_bytes(data[at + 1 : at + 1 + octets], "big"), at + 1 + octets
        at = start + length
        if at > len(data):
            raise ValueError("it is cut off")
        yield tag, data[start:at]


def _subpackets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        length, start = _length(data, at)
        yield data[start] & 0x7F, data[start + 1 : start + length]
        at = start + length


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length encoded at `at`, and the offset of the bytes that it counts."""
    first = data[at]
    if first < 192:
        return first, at + 1
    if first < 255:
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
