"""What is made once and kept."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from kboot.host.cache import KINDS, made_once
from support.places import ROOT


def test_of_several_who_want_it_one_makes_it_and_all_have_it(tmp_path: Path) -> None:
    made, together = [], Barrier(4)

    def make(place: Path) -> None:
        made.append(place)
        place.mkdir()
        (place / "file").write_text("whole")

    def want(_: int) -> str:
        together.wait()
        return (made_once(tmp_path / "new" / "thing", make) / "file").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(want, range(4))) == ["whole"] * 4
    assert len(made) == 1
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [".thing.lock", "thing"]


def whole(place: Path) -> None:
    place.write_text("whole")


def test_what_breaks_off_is_not_there_and_is_made_again(tmp_path: Path) -> None:
    def breaks(place: Path) -> None:
        place.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        made_once(tmp_path / "thing", breaks)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]
    assert made_once(tmp_path / "thing", whole).read_text() == "whole"


def test_what_anything_keeps_in_the_cache_is_known_and_so_can_be_taken_away() -> None:
    sources = [path for tree in ("orchestrator", "lab") for path in (ROOT / tree).rglob("*.py")]
    named = re.compile(r'\bcache(?:_folder(?:\(\))?)? / "([a-z-]+)"')
    used = {name for path in sources for name in named.findall(path.read_text())} - {"keys"}  # in the lab OS's own
    used |= set(re.findall(r'kboot\}/([a-z-]+)"', (ROOT / "scripts" / "setup.sh").read_text()))
    assert {"python", "lab-os", "compose"} <= used <= set(KINDS)
