"""Slips of the hand in a key, told by the text that was read as one."""

from __future__ import annotations

from .letters import plain_letters, unseen_letters

MERGE = "<<"


def key_slip(text: str, *, alone: bool, plain: bool) -> tuple[str, str] | None:
    """What is wrong with a key wherever it stands, and the way out; None for one that may be sound.

    `alone`: neither a colon nor a value follows it. `plain`: it stands there without quotes.
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
    """The hint for `key:value`, which is one word to YAML; empty where `text` is not of that form."""
    key, value = meant(text)
    return f"put a blank after the colon: `{key}: {value}`" if value else ""


def meant(text: str) -> tuple[str, str]:
    """The key and the value that `text` was to be; the value is empty if it holds none."""
    key, colon, value = (part.strip() for part in plain_letters(text).partition(":"))
    return (key, value) if colon and key and value else (plain_letters(text), "")


def _written(text: str, *, alone: bool) -> str:
    name = plain_letters(text)
    if not alone:
        return f"write it anew: `{name}`" if name else "remove it"
    return missing_blank(text) or (f"write `{name}: ...` with its value, or remove it" if name else "remove it")
