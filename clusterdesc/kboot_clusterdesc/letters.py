"""Letters that are not seen for what they are: a blank that is none, a colon of another script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_COLONS = "\u02d0\u02f8\u2236\ua789"  # they look like one, and Unicode does not say so
_EMPTY = "\u034f\u115f\u1160\u2800\u3164\uffa0"  # neither blank nor control by their category, and nothing to see
_NAMED = 3  # of many such letters


def unseen_letters(text: str) -> str:
    """The letters of `text` that cannot be seen, or are taken for one of ASCII, by number and name."""
    return _named(letter for letter in text if _plain(letter) != letter)


def with_letters(message: str) -> str:
    """The message, and the name of each letter in it that its reader would not see."""
    letters = unseen_letters(message.replace("\n", ""))
    return f"{message}, which has {letters}" if letters else message


def foreign_letters(text: str) -> str:
    """The letters of `text` beyond ASCII, by number and name: one of another alphabet may look like ours."""
    return _named(letter for letter in text if not letter.isascii())


def plain_letters(text: str) -> str:
    """`text` with what was meant in place of each letter that is not seen for what it is."""
    return "".join(map(_plain, text)).strip()


def shown(text: str) -> str:
    """`text` with the number of each such letter in its place."""
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
