"""Judge detached signatures by the status lines of gpgv."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kboot_clusterdesc.openpgp import PublicKey, dearmored, public_keys

from .fault import NewerKeyNeeded, SignatureRefused
from .gpgv import Gpgv

_PREFIX = "[GNUPG:] "
_VERDICTS = ("GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG")
_NO_KEY = "9"  # of ERRSIG: the public key is missing
_NEWER_KEY = "give the newer public key as `os.release_key` in the description"
_REFUSED = {
    "BADSIG": "its signature does not fit: the file is damaged or was altered",
    "EXPSIG": "its signature has expired",
    "REVKEYSIG": "the key that signed it was revoked",
}


@dataclass(frozen=True, slots=True)
class Keyring:
    """A release key in binary form, and the primary keys that may vouch for a release."""

    data: bytes
    keys: tuple[PublicKey, ...]

    def primary(self, fingerprint: str) -> PublicKey | None:
        """Return the primary key with that fingerprint; None if it may not vouch for a release."""
        return next((key for key in self.keys if key.fingerprint == fingerprint), None)


@dataclass(frozen=True, slots=True)
class Verified:
    """An accepted signature; `note` is what an operator should know of its key."""

    key_id: str
    note: str | None = None


def read_keyring(data: bytes, pinned: str | None) -> Keyring:
    """Return the key in `data`, armored or not, of which only the primary key `pinned` counts; raises ValueError."""
    binary = dearmored(data)
    keys = public_keys(binary)
    if pinned is not None:
        found = ", ".join(key.fingerprint for key in keys)
        keys = [key for key in keys if key.fingerprint == pinned]
        if not keys:
            raise ValueError(f"its primary key is {found}, and not {pinned}")
    return Keyring(binary, tuple(keys))


def verify(file: Path, signature: Path, keyring: Keyring) -> Verified:
    """Return the accepted signature of `file`; raises SignatureRefused if `signature` does not vouch for it."""
    with Gpgv(signature, keyring.data) as gpgv:
        gpgv.take_file(file)
        return judge(gpgv.status(), keyring, file.name)


def judge(status: str, keyring: Keyring, name: str) -> Verified:
    """Return an accepted signature of those in gpgv's `status`; raises SignatureRefused if none holds or any is bad."""
    accepted: Verified | None = None
    refusal: SignatureRefused | None = None
    ends = _expired_at(status)
    for lines in _signatures(status):
        try:
            accepted = _judge_one(lines, ends, keyring, name)
        except SignatureRefused as refused:
            if "BADSIG" in lines:
                raise
            refusal = refusal or refused
    if accepted is None:
        raise refusal or SignatureRefused(f"{name} is refused: its .sig is no signature")
    return accepted


def _judge_one(lines: dict[str, list[str]], ends: frozenset[datetime], keyring: Keyring, name: str) -> Verified:
    verdicts = [word for word in _VERDICTS if word in lines]
    if len(verdicts) != 1:
        raise SignatureRefused(f"{name} is refused: gpgv gives no clear verdict")
    verdict = verdicts[0]
    words = lines[verdict]
    key_id = words[0] if words else "unknown"
    if verdict in _REFUSED:
        raise SignatureRefused(f"{name} is refused: {_REFUSED[verdict]} (key {key_id})")
    if verdict == "ERRSIG" and len(words) > 5 and words[5] != _NO_KEY:
        what = f"the algorithm of its signature is unknown or too weak to gpgv (error {words[5]})"
        raise SignatureRefused(f"{name} is refused: {what}, made by key {key_id}; fetch a release that is signed anew")
    if verdict == "ERRSIG":
        raise NewerKeyNeeded(f"{name} is refused: key {key_id} signed it, which is not known; {_NEWER_KEY}")
    valid = lines.get("VALIDSIG", [])
    primary = keyring.primary(valid[-1]) if len(valid) >= 10 else None
    if primary is None:
        raise SignatureRefused(f"{name} is refused: key {key_id} signed it, which is not the release key")
    if verdict == "GOODSIG":
        return Verified(key_id)
    return _judge_expired(key_id, _time(valid[2]), primary.end_of(valid[0]), ends, name)


def _judge_expired(
    key_id: str, signed: datetime | None, end: datetime | None, ends: frozenset[datetime], name: str
) -> Verified:
    """Accept a signature made before its key expired: gpgv reports one that was made after in the same way."""
    if end is None or signed is None or end not in ends:
        raise SignatureRefused(f"{name} is refused: key {key_id} has expired, and its end is not clear")
    shown = f"{end:%Y-%m-%d}"
    if signed >= end:
        raise NewerKeyNeeded(
            f"{name} is refused: signed on {signed:%Y-%m-%d}, after key {key_id} had expired on {shown}; {_NEWER_KEY}"
        )
    return Verified(key_id, f"key {key_id} has expired on {shown}; what it signed before then stays good")


def _signatures(status: str) -> Iterator[dict[str, list[str]]]:
    """Yield the status lines of each signature, by keyword."""
    lines: dict[str, list[str]] = {}
    for word, rest in _lines(status):
        if word == "NEWSIG":
            if lines:
                yield lines
            lines = {}
        elif word in _VERDICTS or word == "VALIDSIG":
            lines[word] = rest
    if lines:
        yield lines


def _expired_at(status: str) -> frozenset[datetime]:
    """Return the expiry dates of keys that gpgv verified."""
    times = (_time(rest[0]) for word, rest in _lines(status) if word == "KEYEXPIRED" and rest)
    return frozenset(time for time in times if time is not None)


def _lines(status: str) -> Iterator[tuple[str, list[str]]]:
    for line in status.splitlines():
        words = line.removeprefix(_PREFIX).split()
        if line.startswith(_PREFIX) and words:
            yield words[0], words[1:]


def _time(word: str) -> datetime | None:
    """Return a time of GnuPG's: seconds since 1970, or an ISO date such as 20240105T120000; None if it is neither."""
    try:
        if "T" in word:
            return datetime.strptime(word, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return datetime.fromtimestamp(int(word), UTC)
    except (ValueError, OverflowError):
        return None
