"""Letters that deceive the eye: an invisible one, a blank that is no ASCII blank, a colon of another script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_COLONS = "\u02d0\u02f8\u2236\ua789"  # look like an ASCII colon, and NFKC does not fold them to one
_EMPTY = "\u034f\u115f\u1160\u2800\u3164\uffa0"  # invisible, though their category is neither blank nor control
_NAMED = 3  # the most letters that one message names


def unseen_letters(text: str) -> str:
    """Return number and name of each letter of `text` that is invisible or looks like an ASCII one."""
    if text.isascii() and text.isprintable():  # nearly every key of a large rack
        return ""
    return _named(letter for letter in text if _plain(letter) != letter)


def with_letters(message: str) -> str:
    """Return the message, with the names of the deceptive letters in it added at its end."""
    letters = unseen_letters(message.replace("\n", ""))
    return f"{message}, which has {letters}" if letters else message


def foreign_letters(text: str) -> str:
    """Return number and name of each letter of `text` beyond ASCII: letters of two alphabets may look alike."""
    return _named(letter for letter in text if not letter.isascii())


def plain_letters(text: str) -> str:
    """Return `text` with each deceptive letter replaced by the ASCII one it looks like, or by nothing."""
    return "".join(map(_plain, text)).strip()


def shown(text: str) -> str:
    """Return `text` with each deceptive letter replaced by its number, as `\\u00a0`."""
    return "".join(letter if _plain(letter) == letter else f"\\u{ord(letter):04x}" for letter in text)


def _plain(letter: str) -> str:
    if letter in _COLONS:
        return ":"
    folded = unicodedata.normalize("NFKC", letter)
    if folded.isascii() and folded.isprintable():
        return folded
    category = unicodedata.category(letter)
    if category in ("Zs", "Zl", "Zp"):
        return " "
    return "" if category in ("Cc", "Cf") or letter in _EMPTY else letter


def _named(letters: Iterable[str]) -> str:
    found = [f"U+{ord(each):04X} {unicodedata.name(each, 'control character')}" for each in dict.fromkeys(letters)]
    return ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
