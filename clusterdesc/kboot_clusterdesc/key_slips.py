"""Typing slips in a key (a missing blank, an invisible letter), found in the text that YAML read as the key."""

from __future__ import annotations

import re

from .letters import plain_letters, unseen_letters

MERGE = "<<"
_OTHER_SIGN = re.compile(r"([\w.-]+)\s*[=;]\s*(\S+)")  # between key and value in files of other forms


def key_slip(text: str, *, alone: bool, plain: bool) -> tuple[str, str] | None:
    """Return what is wrong with the key `text` in any mapping, and the way out; None if it may be sound.

    `alone`: neither a colon nor a value follows the key. `plain`: the key has no quotes.
    """
    letters = unseen_letters(text)
    if letters:
        return f"a key with letters that are not seen for what they are: {letters}", _written(text, alone=alone)
    if not text:
        return "a key without a name", "name it, or remove it"
    if alone:
        return "a key without a value", _written(text, alone=True)
    if plain and text == MERGE:
        return "merge keys are not read", "write the keys of the other mapping out here"
    return None


def missing_blank(text: str) -> str:
    """Return the hint for `key:value`, which YAML reads as one word; empty if `text` is not of that form."""
    key, value = meant(text)
    return f"put a blank after the colon: `{key}: {value}`" if value else ""


def meant(text: str) -> tuple[str, str]:
    """Return the key and the value that `text` was probably meant to be; the value is empty if there is none."""
    key, colon, value = (part.strip() for part in plain_letters(text).partition(":"))
    return (key, value) if colon and key and value else (plain_letters(text), "")


def _written(text: str, *, alone: bool) -> str:
    name = plain_letters(text)
    if not alone:
        return f"write it anew: `{name}`" if name else "remove it"
    other = _OTHER_SIGN.fullmatch(name)
    if other and not missing_blank(text):
        return f"write a colon and a blank: `{other[1]}: {other[2]}`"
    return missing_blank(text) or (f"write `{name}: ...` with its value, or remove it" if name else "remove it")
