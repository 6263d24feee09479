"""Logins of the status page: a code that `kboot login` is given, and the login that a browser has for it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address

from .guard import is_token, sha256_of

COOKIE = "__Host-kboot"  # browsers take this name for no other host, path, or plain HTTP
CODE_LIFE = timedelta(minutes=5)
LOGIN_LIFE = timedelta(hours=1)
KEPT_AT_MOST = 50  # codes and logins; the oldest end before more are kept
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
CODE_LENGTH, _GROUP = 20, 4  # 100 bits of chance
WRONG_CODES_EACH = timedelta(minutes=1)
WRONG_CODES_AT_MOST = 10  # of an address, within that time
_ADDRESSES_AT_MOST = 500


class Kind(StrEnum):
    """What a key opens."""

    CODE = "code"  # one login, by whoever shows it first
    LOGIN = "login"  # the forms of the page


@dataclass(frozen=True, slots=True)
class Key:
    """A code or a login; its secret is known to its holder alone."""

    sha256: str  # of the secret
    kind: Kind
    made: datetime
    of: str  # the SHA-256 of the operator's token from which it comes

    @property
    def end(self) -> datetime:
        """When it is good for nothing any more."""
        return self.made + (CODE_LIFE if self.kind is Kind.CODE else LOGIN_LIFE)

    @property
    def name(self) -> str:
        """By what people tell it from others; it opens nothing."""
        return f"login {self.sha256[:8]}"

    def is_good(self, operator_sha256: str | None, now: datetime) -> bool:
        """Return whether it has not ended; it ends with the operator's token, too, and where the clock was set back."""
        return self.of == operator_sha256 and abs(now - self.made) < self.end - self.made


def found(keys: Iterable[Key], kind: Kind, secret: str, operator_sha256: str | None, now: datetime) -> Key | None:
    """Return the key of that kind with this secret, which is good still; None where there is none."""
    good = (key for key in keys if key.kind is kind and key.is_good(operator_sha256, now))
    return next((key for key in good if is_token(secret, key.sha256)), None)


def with_key(keys: Sequence[Key], key: Key, now: datetime) -> tuple[Key, ...]:
    """Return the keys with one more, without those that have ended."""
    standing = [each for each in keys if each.is_good(key.of, now)]
    return (*standing[1 - KEPT_AT_MOST :], key)


def without(keys: Iterable[Key], key: Key) -> tuple[Key, ...]:
    """Return the keys without one of them."""
    return tuple(each for each in keys if each != key)


def code_of(typed: str) -> str:
    """Return a code as it was made, from how it was typed or pasted."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())


def code_in_groups(code: str) -> str:
    """Return a code as people read it: ABCD-EFGH-…"""
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def form_word(secret: str) -> str:
    """Return the word that each form has to say, which no other site can know: of the secret of its login."""
    return hmac.new(secret.encode(), b"kboot form", hashlib.sha256).hexdigest()


def is_form_word(said: str, secret: str) -> bool:
    """Return whether a form said the word of its login, in constant time."""
    return hmac.compare_digest(sha256_of(said), sha256_of(form_word(secret)))


class WrongCodes:
    """How many wrong codes each address showed within a minute: who guesses is heard seldom."""

    def __init__(self) -> None:
        self._of: dict[IPv4Address | None, list[datetime]] = {}

    def note(self, address: IPv4Address | None, now: datetime) -> None:
        """Note a wrong code."""
        self._of[address] = [*self._lately(address, now), now]

    def is_heard(self, address: IPv4Address | None, now: datetime) -> bool:
        """Return whether an address may show a code: it did not guess, nor do hundreds of others just now."""
        if address not in self._of and len(self._of) >= _ADDRESSES_AT_MOST:
            self._of = {each: lately for each in self._of if (lately := self._lately(each, now))}
        has_room = address in self._of or len(self._of) < _ADDRESSES_AT_MOST
        return has_room and len(self._lately(address, now)) < WRONG_CODES_AT_MOST

    def _lately(self, address: IPv4Address | None, now: datetime) -> list[datetime]:
        return [at for at in self._of.get(address, ()) if abs(now - at) < WRONG_CODES_EACH]
