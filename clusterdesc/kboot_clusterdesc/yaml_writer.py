"""Writes YAML in blocks, byte for byte as PyYAML does, in a tenth of its time: it looks at each letter, most need none.

Texts that are more than words go to PyYAML one by one, and once each. `test_yaml_writer.py` compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import yaml

_LONGEST_KEY = 100  # PyYAML writes longer keys in another form
_LONGEST_TEXT = 5_000  # PyYAML folds lines of more than WIDTH characters
WIDTH = 10_000
_RESOLVERS = yaml.SafeDumper.yaml_implicit_resolvers


class _TooLong(Exception):
    """A text may have to be folded, which depends on all that stands before it."""


class BlockWriter:
    """A writer of documents whose scalars `dumper` would write; `is_plain` tells texts that stay as they are."""

    def __init__(
        self,
        dumper: type[yaml.SafeDumper],
        is_plain: Callable[[str], bool],
        *,
        allow_unicode: bool = False,
        quotes: bool = False,
        indents_lists: bool = False,
    ) -> None:
        self._dumper = dumper
        self._is_plain = is_plain
        self._allow_unicode = allow_unicode
        self._quotes = quotes  # every text that is not plain stands in double quotes
        self._step = "  " if indents_lists else ""
        self._by_pyyaml = lru_cache(4096)(self._scalar_by_pyyaml)

    def write(self, data: object) -> str:
        """Return `data`, of dicts with text as keys, lists and scalars, as YAML."""
        if not isinstance(data, dict | list) or not data or not _has_simple_keys(data):
            return self._dumped(data)
        try:
            return self._block(data, "") + "\n"
        except _TooLong:
            return self._dumped(data)

    def _dumped(self, data: object) -> str:
        text: str = yaml.dump(
            data, Dumper=self._dumper, sort_keys=False, allow_unicode=self._allow_unicode, width=WIDTH
        )
        return text

    def _block(self, node: object, pad: str) -> str:
        """Return a list or mapping; its first line has no indentation, the others have `pad`."""
        if isinstance(node, dict):
            parts = [self._scalar(key, len(pad)) + ":" + self._value(value, pad) for key, value in node.items()]
        else:
            assert isinstance(node, list)  # noqa: S101 - the callers looked
            parts = ["- " + self._item(each, pad) for each in node]
        return f"\n{pad}".join(parts)

    def _value(self, value: object, pad: str) -> str:
        if isinstance(value, dict | list) and value:
            inner = pad + (self._step if isinstance(value, list) else "  ")
            return f"\n{inner}{self._block(value, inner)}"
        return " " + self._scalar(value, len(pad))

    def _item(self, item: object, pad: str) -> str:
        if isinstance(item, dict | list) and item:
            return self._block(item, pad + "  ")
        return self._scalar(item, len(pad))

    def _scalar(self, value: object, column: int) -> str:
        kind = type(value)
        if kind is str:
            text = str(value)
            if self._is_plain(text):
                return text
            if len(text) >= _LONGEST_TEXT:
                raise _TooLong
            if self._quotes and _QUOTABLE.fullmatch(text):
                return f'"{text}"'
            return self._by_pyyaml(text, column)
        if kind is bool:
            return "true" if value else "false"
        if kind is dict or kind is list:
            return "{}" if kind is dict else "[]"
        return str(value) if kind is int else self._scalar_by_pyyaml(value, column)

    def _scalar_by_pyyaml(self, value: object, column: int) -> str:
        """Return the scalar as PyYAML writes it into a mapping at `column`; lines that go on are indented by that."""
        nested: object = value
        head = ""
        for at in range(column, -1, -2):
            nested = {"up": nested}
            head = " " * at + ("up: " if at == column else "up:\n") + head
        return self._dumped(nested)[len(head) : -1]


_QUOTABLE = re.compile(r"[ !#-\[\]-~]*")  # ASCII that stands in double quotes as it is
_WORDS = re.compile(r"[A-Za-z0-9/][A-Za-z0-9/+=._@-]*")


def is_plain_word(text: str) -> bool:
    """Return whether PyYAML writes `text` as it is: no indicator of YAML, and no reader takes it for another type."""
    return _WORDS.fullmatch(text) is not None and not is_resolved(text)


def is_resolved(text: str) -> bool:
    """Return whether a YAML reader takes `text`, which is not empty, for a number, date, truth value or null."""
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[0], ()))


def _has_simple_keys(data: object) -> bool:
    if isinstance(data, dict):
        return all(
            type(key) is str and 0 < len(key) < _LONGEST_KEY and key.isprintable() and _has_simple_keys(value)
            for key, value in data.items()
        )
    return all(map(_has_simple_keys, data)) if isinstance(data, list) else True
