"""The description in force is read again where it changed: a small one at once, a large one beside the answers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_cloudconfig.description import AT_ONCE_BYTES, DescriptionFile
from kboot_cloudconfig.file_watch import watch_description
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.node_index import NodeIndex
from kboot_cloudconfig.pieces import in_pieces
from kboot_cloudconfig.settings import settings_from
from kboot_clusterdesc import load
from support.calls import calls_of
from support.seeded_fleet import description_of, mac_of

_LARGE = 450


def _write(path: Path, count: int, old: str = "", new: str = "") -> None:
    whole = path.with_suffix(".new")
    whole.write_text(description_of(count).replace("CONFIG", "ignition").replace(old, new))
    whole.replace(path)


@pytest.fixture
def file(tmp_path: Path) -> DescriptionFile:
    """A description of many nodes that was read."""
    _write(tmp_path / "clusterdesc.yaml", _LARGE)
    assert (tmp_path / "clusterdesc.yaml").stat().st_size > AT_ONCE_BYTES
    made = DescriptionFile(tmp_path / "clusterdesc.yaml")
    assert _nodes(made) == [f"node{number}" for number in range(1, _LARGE + 1)]
    return made


def _index(file: DescriptionFile) -> NodeIndex:
    index = file.current()
    assert index is not None
    return index


def _nodes(file: DescriptionFile) -> list[str]:
    return [node.name for node in _index(file).desc.nodes]


def _follow(file: DescriptionFile) -> int:
    """Follow the file; how often others had their turn meanwhile."""
    turns = 0

    async def follow() -> None:
        nonlocal turns
        following = asyncio.create_task(file.follow())
        while not following.done():
            turns += 1
            await asyncio.sleep(0)
        await following

    asyncio.run(follow())
    return turns


def test_a_large_description_is_taken_over_as_it_is_read_whole(tmp_path: Path, file: DescriptionFile) -> None:
    path, before = tmp_path / "clusterdesc.yaml", _index(file)
    _write(path, _LARGE + 1, "name: node3,", "name: other,")
    assert calls_of(file.current)["load"] == 0
    assert _index(file) is before
    calls = calls_of(lambda: _follow(file))
    assert calls["load_bytes"] == calls["BaseModel.__init__"] == 0
    assert _index(file) == NodeIndex.of(load(path))
    assert file.problem is None


def test_others_have_their_turn_before_each_hundred_nodes(tmp_path: Path, file: DescriptionFile) -> None:
    _write(tmp_path / "clusterdesc.yaml", _LARGE, "name: node3,", "name: other,")
    assert _follow(file) > _LARGE // 100
    assert "other" in _nodes(file)


def test_a_node_that_did_not_change_is_the_very_same(tmp_path: Path, file: DescriptionFile) -> None:
    before = _index(file).by_mac
    _write(tmp_path / "clusterdesc.yaml", _LARGE, "name: node3,", "name: other,")
    _follow(file)
    after = _index(file).by_mac
    assert [mac for mac in after if after[mac] is not before[mac]] == [mac_of(3)]


def test_a_large_description_that_is_bad_is_told_once_and_the_last_good_one_stays(
    tmp_path: Path, file: DescriptionFile, capfd: pytest.CaptureFixture[str]
) -> None:
    before = _index(file)
    for name in ("node4", "node5"):
        _write(tmp_path / "clusterdesc.yaml", _LARGE, "name: node3,", f"name: {name},")
        _follow(file)
    assert _index(file) is before
    assert "node5" in str(file.problem)
    assert capfd.readouterr().out.count('"description-refused"') == 2
    _follow(file)
    assert "description-refused" not in capfd.readouterr().out


def test_a_reader_that_is_ended_is_told_and_the_next_change_is_read(
    tmp_path: Path, file: DescriptionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, path = _index(file), tmp_path / "clusterdesc.yaml"
    with monkeypatch.context() as ended:
        ended.setattr(sys, "executable", "/bin/false")
        _write(path, _LARGE, "name: node3,", "name: other,")
        _follow(file)
    assert _index(file) is before
    assert str(file.problem).startswith(f"{path}: the process that reads it ended with status 1: `kboot restart")
    _write(path, _LARGE, "name: node3,", "name: other,")
    _follow(file)
    assert "other" in _nodes(file)


def test_where_no_process_can_be_had_the_next_look_tries_again(
    tmp_path: Path, file: DescriptionFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clusterdesc.yaml"
    _write(path, _LARGE, "name: node3,", "name: other,")
    with monkeypatch.context() as starved:
        starved.setattr(sys, "executable", str(tmp_path / "none"))
        _follow(file)
    assert str(file.problem).startswith(f"{path}: no process to read it: ")
    _follow(file)
    assert "other" in _nodes(file)
    assert file.problem is None


def test_a_description_that_became_small_is_read_at_once(tmp_path: Path, file: DescriptionFile) -> None:
    _write(tmp_path / "clusterdesc.yaml", 2)
    assert _follow(file) == 1
    assert _nodes(file) == ["node1", "node2"]
    assert _follow(file) == 1


def test_a_node_that_is_dropped_between_two_pieces_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "clusterdesc.yaml"
    _write(path, 150)
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    fleet = Fleet(settings_from(places))

    async def drop() -> None:
        assert len(fleet.nodes()) == 150, "some were looked at before"
        _write(path, 120)
        for _ in looks(10, 0.01):
            if len(fleet.nodes()) == 120:
                break

    async def look() -> list[str]:
        names, _ = await asyncio.gather(in_pieces(fleet, lambda node: node.name), drop())
        return names

    assert asyncio.run(look()) == [f"node{number}" for number in range(1, 121)]


def test_the_server_follows(tmp_path: Path) -> None:
    path = tmp_path / "clusterdesc.yaml"
    _write(path, _LARGE)
    places = {"KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_DATA_DIR": str(tmp_path), "KBOOT_UID": str(os.getuid())}
    fleet = Fleet(settings_from(places))
    assert len(fleet.nodes()) == _LARGE
    _write(path, _LARGE + 1)

    async def follow() -> None:
        watching = asyncio.create_task(watch_description(fleet, 0.01))
        async with asyncio.timeout(60):
            while len(fleet.nodes()) == _LARGE:
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(follow())
    assert len(fleet.nodes()) == _LARGE + 1
