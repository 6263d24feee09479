"""A document is the same value for readers of JSON and of YAML."""

from __future__ import annotations

import json

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from kboot.node.json_document import json_document

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_DOCUMENTS = st.recursive(
    _TEXTS | st.booleans() | st.integers(-(1 << 40), 1 << 40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(_DOCUMENTS)
@example(
    {"a": ["\x7f\x80\x85\x9f\xa0\u2028\u2029\ud7ff\ue000\ufeff\ufffe\uffff\U0001f600", "1e3", "no", "tab\t\\ \"'\n"]}
)
def test_json_and_yaml_read_what_was_written(value: object) -> None:
    written = json_document(value)
    assert json.loads(written) == value
    assert yaml.safe_load(written) == value


def test_what_is_ascii_is_written_as_pythons_own_json_is() -> None:
    value = {"mode": 420, "overwrite": True, "units": [{"name": "a.service", "contents": 'x\n\t"\\\x01'}], "none": []}
    assert json_document(value) == json.dumps(value, indent=1).encode() + b"\n"
