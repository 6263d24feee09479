"""Writes YAML in blocks, with quotes around every text that a reader could take for anything else.

It is byte for byte what PyYAML writes with `Quoting`, in a fortieth of its time: JSON's quoted text is YAML's wherever
it is ASCII, and json writes it in C. All else goes to PyYAML, each text once. `test_yaml_writer.py` compares.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import yaml

WIDTH = 1 << 30  # columns: no line is folded, so that a text is the same wherever it stands
_LONGEST_KEY = 100  # PyYAML writes longer keys in another form
_RESOLVERS = yaml.SafeDumper.yaml_implicit_resolvers
_QUOTED_ALIKE = re.compile(r"[\t\n\r -~]*")  # by JSON and YAML


class Quoting(yaml.SafeDumper):
    """A YAML writer that quotes every text but plain words, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write each value where it stands."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists too."""
        super().increase_indent(flow, False)


def dump_data(data: object) -> str:
    """Return `data` as YAML; every text that a reader could take for a number, date or truth value is quoted."""
    if not isinstance(data, dict | list) or not data or not _has_simple_keys(data):
        return _dumped(data)
    return _block(data, "") + "\n"


def _block(node: dict[str, Any] | list[Any], pad: str) -> str:
    """Return a list or mapping; its first line has no indentation, the others have `pad`."""
    if isinstance(node, dict):
        parts = [f"{_scalar(key)}:{_value(value, pad)}" for key, value in node.items()]
    else:
        parts = [f"- {_item(each, pad)}" for each in node]
    return f"\n{pad}".join(parts)


def _value(value: object, pad: str) -> str:
    if isinstance(value, dict | list) and value:
        inner = f"{pad}  "
        return f"\n{inner}{_block(value, inner)}"
    return f" {_scalar(value)}"


def _item(item: object, pad: str) -> str:
    return _block(item, f"{pad}  ") if isinstance(item, dict | list) and item else _scalar(item)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        if _is_bare(value):
            return value
        return json.dumps(value) if _QUOTED_ALIKE.fullmatch(value) else _scalar_by_pyyaml(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return str(value) if isinstance(value, int) else _scalar_by_pyyaml(value)


@lru_cache(4096)
def _is_bare(text: str) -> bool:
    words = text.replace("-", "_")
    return len(text) > 1 and text.isascii() and words.isidentifier() and text != "---" and not _is_resolved(text)


def _is_resolved(text: str) -> bool:
    """Return whether a YAML reader takes `text`, which is not empty, for a number, date, truth value or null."""
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[0], ()))


@lru_cache(4096, typed=True)
def _scalar_by_pyyaml(value: object) -> str:
    return _dumped([value]).removeprefix("- ").removesuffix("\n")


def _dumped(data: object) -> str:
    text: str = yaml.dump(data, Dumper=Quoting, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _is_bare(text) else '"')


Quoting.add_representer(str, _represent_text)


def _has_simple_keys(data: object) -> bool:
    if isinstance(data, dict):
        return all(
            type(key) is str and 0 < len(key) < _LONGEST_KEY and key.isprintable() and _has_simple_keys(value)
            for key, value in data.items()
        )
    return all(map(_has_simple_keys, data)) if isinstance(data, list) else True
