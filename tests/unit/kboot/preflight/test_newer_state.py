"""The database of a newer cloud-config server, seen before anything is started."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.errors import BadInput
from kboot.preflight.newer_state import refuse_newer_state
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.shared_files import DATABASE, DATABASE_VERSION
from unit.kboot.cli.test_cli import RACK


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A cluster's folder with nothing in it."""
    folder = ClusterFolder(tmp_path, "rack")
    folder.state.mkdir(parents=True)
    return folder


def keep(folder: ClusterFolder, version: int) -> None:
    """A database of that version, as SQLite writes it."""
    with closing(sqlite3.connect(folder.state / DATABASE)) as db:
        db.execute("CREATE TABLE machines (mac TEXT)")
        db.execute(f"PRAGMA user_version = {version}")


def test_a_newer_one_is_refused_and_not_touched(folder: ClusterFolder) -> None:
    keep(folder, DATABASE_VERSION + 2)
    before = (folder.state / DATABASE).read_bytes()
    with pytest.raises(BadInput) as refused:
        refuse_newer_state(folder)
    assert str(refused.value) == (
        f"{folder.state}/kboot.db: is of a newer kboot: its version is {DATABASE_VERSION + 2}, "
        f"and this kboot knows {DATABASE_VERSION}\n  hint: run that kboot, or a newer one; nothing was changed"
    )
    assert (folder.state / DATABASE).read_bytes() == before


def test_one_whose_version_stands_in_its_log_alone_is_refused_and_not_touched(folder: ClusterFolder) -> None:
    """As a server leaves it that came to a newer version and was killed."""
    path = folder.state / DATABASE
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE machines (mac TEXT)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute(f"PRAGMA user_version = {DATABASE_VERSION + 1}")
        left = {name: (folder.state / name).read_bytes() for name in (DATABASE, f"{DATABASE}-wal")}
    for old in folder.state.iterdir():
        old.unlink()
    for name, content in left.items():
        (folder.state / name).write_bytes(content)
    assert int.from_bytes(left[DATABASE][60:64], "big") == 0
    with pytest.raises(BadInput, match=f"its version is {DATABASE_VERSION + 1}"):
        refuse_newer_state(folder)
    assert {each.name: each.read_bytes() for each in folder.state.iterdir()} == left
    (folder.state / f"{DATABASE}-wal").write_bytes(b"no log" * 100)
    refuse_newer_state(folder)


@pytest.mark.parametrize("version", range(DATABASE_VERSION + 1))
def test_an_older_one_and_that_of_this_kboot_are_for_the_server(version: int, folder: ClusterFolder) -> None:
    keep(folder, version)
    refuse_newer_state(folder)


@pytest.mark.parametrize("content", [None, b"", b"no database", bytes(4096), b"\xff" * 100])
def test_what_is_lost_or_damaged_is_for_the_server_too(content: bytes | None, folder: ClusterFolder) -> None:
    if content is not None:
        (folder.state / DATABASE).write_bytes(content)
    refuse_newer_state(folder)


def test_up_and_doctor_say_it_before_anything_is_started_or_changed(
    folder: ClusterFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder, DATABASE_VERSION + 1)
    description = folder.root / "rack.yaml"
    description.write_text(RACK)
    before = sorted(folder.path.rglob("*"))
    assert run(["up", str(description), "--root", str(folder.root)]) == 2
    assert f"kboot.db: is of a newer kboot: its version is {DATABASE_VERSION + 1}" in capsys.readouterr().err
    assert run(["doctor", str(description), "--root", str(folder.root)]) == 1
    assert f"FAIL  folder    {folder.state}/kboot.db: is of a newer kboot" in capsys.readouterr().out
    assert sorted(folder.path.rglob("*")) == before
