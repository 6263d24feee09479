"""The node config as kboot keeps it for itself."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from kboot.node import DropIn, File, NodeConfig, Unit, User, document, read_document
from kboot.node.config import with_hash

_TEXTS = st.text(max_size=40)
_LISTS = st.lists(_TEXTS, max_size=3).map(tuple)
_FILES = st.builds(
    File,
    _TEXTS,
    st.one_of(st.binary(max_size=40), _TEXTS.map(str.encode)),
    st.integers(0, 0o7777),
    read_by=st.none() | _TEXTS,
)
_DROP_INS = st.lists(st.builds(DropIn, _TEXTS, _TEXTS), max_size=2).map(tuple)
_UNITS = st.builds(Unit, _TEXTS, st.none() | _TEXTS, st.booleans(), _DROP_INS, st.booleans())
_CONFIGS = st.builds(
    NodeConfig,
    _TEXTS,
    _LISTS,
    st.lists(_FILES, max_size=4).map(tuple),
    st.lists(_UNITS, max_size=4).map(tuple),
    st.lists(st.builds(User, _TEXTS, _LISTS, _LISTS), max_size=2).map(tuple),
)


@given(_CONFIGS)
def test_every_config_is_read_back_as_it_was(config: NodeConfig) -> None:
    assert read_document(document(config)) == config


def test_a_text_stands_as_it_is_and_other_bytes_as_base64() -> None:
    files = (File("/a", "zwölf\n".encode(), 0o600, read_by="a.service"), File("/b", b"\xff", read_by=None))
    assert json.loads(document(NodeConfig("node1", files=files)))["files"] == [
        {"path": "/a", "mode": "0600", "read_by": "a.service", "content": "zwölf\n"},
        {"path": "/b", "mode": "0644", "read_by": None, "encoding": "base64", "content": "/w=="},
    ]


def test_who_reads_a_file_changes_no_hash() -> None:
    one, other = (NodeConfig("node1", files=(File("/a", b"", read_by=reader),)) for reader in (None, "a.service"))
    assert one != other
    assert with_hash(one)[1] == with_hash(other)[1]
