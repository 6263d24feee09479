"""What is a whole snapshot, and what is not."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.errors import BadInput
from kboot.etcd.snapshot_file import NotWhole, read_snapshot, verified
from kboot.running.etcd_client import Part, parsed
from kboot.running.tls_client import Fault

_MAGIC = (0xED0CDAED).to_bytes(4, "little")


def database(content: bytes = b"") -> bytes:
    """What begins as a bolt database and fills whole sectors."""
    begun = bytes(16) + _MAGIC + content
    return begun + bytes(-len(begun) % 512)


def snapshot(content: bytes = b"") -> bytes:
    """A whole one."""
    return database(content) + sha256(database(content)).digest()


@given(st.binary(max_size=3000))
def test_a_whole_snapshot_is_taken_and_has_the_sha256_of_the_file(content: bytes) -> None:
    whole = snapshot(content)
    found = verified(io.BytesIO(whole))
    assert (found.size_bytes, found.sha256) == (len(whole), sha256(whole).hexdigest())


@given(st.binary(max_size=3000), st.data())
def test_what_is_cut_short_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    whole = snapshot(content)
    with pytest.raises(NotWhole):
        verified(io.BytesIO(whole[: data.draw(st.integers(0, len(whole) - 1))]))


@given(st.binary(max_size=3000), st.binary(min_size=1, max_size=600))
def test_what_has_something_after_it_is_refused(content: bytes, more: bytes) -> None:
    with pytest.raises(NotWhole):
        verified(io.BytesIO(snapshot(content) + more))


@given(st.binary(max_size=3000), st.integers(1, 255), st.data())
def test_one_other_byte_is_refused(content: bytes, change: int, data: st.DataObject) -> None:
    whole = bytearray(snapshot(content))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= change
    with pytest.raises(NotWhole):
        verified(io.BytesIO(whole))


@given(st.binary(max_size=3000))
def test_other_bytes_are_refused_even_with_their_sha256(content: bytes) -> None:
    with pytest.raises(NotWhole, match="is not a database"):
        verified(io.BytesIO(content + sha256(content).digest()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (database(b"x"), "a copy of a member's own database has none"),
        (database(b"x") + bytes(32), "does not have the SHA-256 that it ends with"),
        (b"", "is not a database of etcd's"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "etcd.db"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as refused:
        read_snapshot(path)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("name", "said"), [("", "no file that can be read twice"), ("none.db", "No such file")])
def test_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_snapshot(tmp_path / name)


@given(st.binary(max_size=100), st.integers(0, 2**63))
def test_a_line_of_the_gateway_is_a_part(blob: bytes, remaining: int) -> None:
    result = {"remaining_bytes": str(remaining), "blob": b64encode(blob).decode()}
    assert parsed(json.dumps({"result": result})) == Part(blob, remaining)


def test_what_is_zero_or_empty_may_be_left_out() -> None:
    assert parsed('{"result":{}}') == Part(b"", 0)


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_any_other_line_is_a_fault(line: str) -> None:
    with pytest.raises(Fault):
        parsed(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}', "breaks off: etcdserver: no leader"),
        ('{"error":"x"}', "no part of a snapshot"),
        ('{"result":{"blob":"?"}}', "no part of a snapshot"),
        ('{"result":{"remaining_bytes":"many"}}', "no part of a snapshot"),
        ('{"result":[]}', "no part of a snapshot"),
    ],
)
def test_a_faulty_line_is_a_fault(line: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        parsed(line)
