"""What is written in blocks is byte for byte what PyYAML writes, at its pace."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kboot_clusterdesc.yaml_writer import WIDTH, dump_data


class _Quoting(yaml.SafeDumper):
    """Quotes every text but plain words that read back as themselves, and indents lists."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    words = text.replace("-", "_")
    bare = len(text) > 1 and text.isascii() and words.isidentifier() and yaml.safe_load(text) == text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Quoting.add_representer(str, _represent_text)

_ODD = [
    "-",
    "--",
    "---",
    "...",
    "-5",
    "-0x1F",
    "_1",
    "y",
    "yes",
    "No",
    "~",
    "null",
    "=",
    "<<",
    "",
    " a",
    "a ",
    "1e3",
    "0b1",
]
_ODD += [
    "a: b",
    "a #b",
    "#",
    "[x]",
    "{x}",
    "2024-01-01",
    "1:30",
    "it's",
    'say "a"',
    "back\\slash",
    "tab\t",
    "\u2028",
    "\U0001f600",
]
_TEXTS = st.text(alphabet="abnyYNoOeE01x_-+./=:#, '\"\\\n", max_size=12) | st.text(max_size=8) | st.sampled_from(_ODD)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS
_KEYS = st.text(alphabet="abcy_-./1", max_size=8) | st.sampled_from([*_ODD, "k" * 99, "k" * 101, "k" * 130])
_DOCUMENTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)


@given(_DOCUMENTS)
@example({"a": [["b", {"c": "one\ntwo"}], {}, []], "d": {"e": {"f": "g\n\nh"}}})
def test_a_document_is_written_as_pyyaml_writes_it(data: object) -> None:
    expected = yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=WIDTH)
    assert dump_data(data) == expected


@pytest.mark.parametrize("text", _ODD)
def test_odd_texts_are_written_as_pyyaml_writes_them(text: str) -> None:
    for data in ({"key": text}, [text], {"a": {"b": [{text: text}]}}):
        expected = yaml.dump(data, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=WIDTH)
        assert dump_data(data) == expected


@pytest.mark.parametrize("part", ["ab c ", "ab c\n", "é "])
def test_long_texts_stand_in_one_line(part: str) -> None:
    test_odd_texts_are_written_as_pyyaml_writes_them(part * 2_600)
