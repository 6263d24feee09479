"""Which kboot made a folder what it is: told by its stamp, migrated from an older format, refused in a newer one."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import traceback
from importlib.metadata import version
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.errors import KbootError
from kboot.host.migrations import FORMAT, MIGRATIONS, Move
from kboot.host.stamp import UNSTAMPED, NewerFolder, Stamp, changed, held, migrate, read_stamp, refuse_newer
from kboot.host.state_folder import clusters
from kboot_clusterdesc import ClusterFolder

OURS = version("kboot")
# What a later kboot might move: secrets among it, and what an earlier one moved already.
LATER = (
    *MIGRATIONS,
    (
        Move("pki/cluster-ca.key", "pki/authorities/cluster.key"),
        Move("pki/cluster-ca.pem", "pki/authorities/cluster.pem"),
    ),
    (Move("pki", "secrets"), Move("staging", "supplies/staging")),
    (Move("secrets/authorities", "secrets/roots"),),
)
CONTENTS = {"pki/cluster-ca.key": "the key", "pki/cluster-ca.pem": "the certificate", "cluster.yaml": "the description"}
AT_THE_END = {
    "secrets/roots/cluster.key": "the key",
    "secrets/roots/cluster.pem": "the certificate",
    "cluster.yaml": "the description",
}


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A folder as every kboot before stamps left it."""
    return made(tmp_path)


def made(root: Path) -> ClusterFolder:
    """The same below `root`."""
    folder = ClusterFolder(root, "rack")
    for path, text in CONTENTS.items():
        (folder.path / path).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / path).write_text(text)
    return folder


def contents(folder: ClusterFolder) -> dict[str, str]:
    """What lies in the folder, but for the stamp, and half of one that a kill left."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and "kboot.json" not in path.name)
    return {str(path.relative_to(folder.path)): path.read_text() for path in files}


def test_a_folder_without_a_stamp_is_of_format_0_and_is_migrated(folder: ClusterFolder) -> None:
    said: list[str] = []
    assert read_stamp(folder) == UNSTAMPED
    migrate(folder, said.append)
    assert read_stamp(folder) == Stamp(kboot=OURS, format=FORMAT)
    assert json.loads(folder.stamp.read_text()) == {"kboot": OURS, "format": FORMAT}
    assert said == [f"{folder.path} is of format {FORMAT} now, it was of format 0"]
    assert contents(folder) == CONTENTS


def test_a_folder_that_is_migrated_is_not_written_again(folder: ClusterFolder) -> None:
    migrate(folder, lambda text: None)
    before = folder.stamp.stat()
    migrate(folder, pytest.fail)
    assert folder.stamp.stat() == before


def test_a_new_folder_is_stamped_without_a_word(tmp_path: Path) -> None:
    migrate(new := ClusterFolder(tmp_path, "rack"), pytest.fail)
    assert read_stamp(new) == Stamp(kboot=OURS, format=FORMAT)


def test_a_command_that_changes_an_older_folder_leaves_its_format(folder: ClusterFolder) -> None:
    with changed(folder):
        assert read_stamp(folder) == Stamp(kboot=OURS, format=0)
    with held(folder):
        pass
    assert read_stamp(folder).format == 0


def test_a_folder_of_a_newer_format_is_refused_and_nothing_is_touched(folder: ClusterFolder) -> None:
    folder.stamp.write_text('{"kboot": "9.1.0", "format": 7, "more": {"of": "it"}}')
    for refused in (held, changed):
        with pytest.raises(NewerFolder) as error, refused(folder):
            pytest.fail("it was let in")
        assert str(error.value) == (
            f"{folder.path}: was changed by kboot 9.1.0 and has format 7; "
            f"this is kboot {OURS}, which knows formats up to {FORMAT}\n"
            "  hint: install kboot 9.1.0 or newer, and run this with that"
        )
    assert not folder.lock.exists()


def test_a_newer_kboot_that_worked_while_we_waited_is_seen_under_the_lock(folder: ClusterFolder) -> None:
    refuse_newer(folder)
    with held(folder):
        folder.stamp.write_text('{"kboot": "9.1.0", "format": 7}')
    with pytest.raises(NewerFolder), held(folder):
        pass


def test_a_newer_cluster_counts_also_without_what_this_kboot_knows_clusters_by(tmp_path: Path) -> None:
    for name in ("newer", "damaged", "begun", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "newer" / "kboot.json").write_text('{"kboot": "9.1.0", "format": 7}')
    (tmp_path / "damaged" / "kboot.json").write_text("{")
    migrate(ClusterFolder(tmp_path, "begun"), pytest.fail)
    assert clusters(tmp_path) == ["damaged", "newer"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.dictionaries(st.sampled_from(["kboot", "format", "x"]), inner, max_size=3) | st.lists(inner, max_size=3)
    ),
)


@given(content=st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), _JSON))
def test_whatever_stands_in_a_stamp_it_is_read_or_refused_with_one_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = ClusterFolder(tmp_path_factory.getbasetemp(), "any")
    folder.path.mkdir(exist_ok=True)
    folder.stamp.write_bytes(content)
    said = ""
    try:
        read_stamp(folder)
    except KbootError as error:
        said = str(error)
    assert said == "" or re.search("is not what kboot writes there.*\n  hint: bring it back", said)


def test_no_path_stands_in_two_moves_of_a_migration_or_leaves_the_folder() -> None:
    for moves in (*MIGRATIONS, *LATER):
        paths = [Path(path) for move in moves for path in (move.source, move.target)]
        assert len(set(paths)) == len(paths), "a run that was killed could not tell which moves were made"
        for path in paths:
            assert not path.is_absolute()
            assert ".." not in path.parts


def test_what_lies_in_the_way_of_a_move_is_told_and_kept(folder: ClusterFolder) -> None:
    (folder.path / "secrets").write_text("somebody's")
    with pytest.raises(KbootError, match=r"pki is to lie at .*secrets now, where something lies already"):
        migrate(folder, lambda text: None, LATER)
    assert read_stamp(folder).format == FORMAT + 1
    assert (folder.path / "secrets").read_text() == "somebody's"
    (folder.path / "secrets").unlink()
    migrate(folder, lambda text: None, LATER)
    assert contents(folder) == AT_THE_END


def migrated_until(step: int, folder: ClusterFolder) -> int:
    """Migrate in a process of its own, killed right before it makes its change number `step`; its exit status."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = step

    def kill_in_time(event: str, _: object) -> None:
        nonlocal left
        if event not in ("os.rename", "os.mkdir"):
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(kill_in_time)
        with held(folder):
            migrate(folder, lambda text: None, LATER)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def test_a_migration_that_is_killed_at_any_step_loses_nothing_and_the_next_run_completes_it(tmp_path: Path) -> None:
    for step in count(1):
        folder = made(tmp_path / str(step))
        killed = migrated_until(step, folder)
        assert sorted(contents(folder).values()) == sorted(CONTENTS.values()), f"killed at step {step}"
        migrate(folder, lambda text: None, LATER)
        assert contents(folder) == AT_THE_END, f"killed at step {step}"
        assert read_stamp(folder) == Stamp(kboot=OURS, format=len(LATER))
        if killed == 0:
            assert step > len([move for moves in LATER for move in moves]) + len(LATER)
            return
        assert killed == -signal.SIGKILL


def test_a_full_or_read_only_disk_is_told_in_one_error(folder: ClusterFolder) -> None:
    (folder.path / ".kboot.json.new").mkdir()  # nothing can be written there, as root too
    with pytest.raises(KbootError) as error, changed(folder):
        pytest.fail("it was let in")
    assert str(folder.path) in error.value.message
    assert os.listdir(folder.path / ".kboot.json.new") == []
