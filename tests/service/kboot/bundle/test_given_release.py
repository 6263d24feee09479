"""An OS release out of a folder, on its way into a bundle: the updater's own program vouches for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kboot.bundle.collect.collected import Collected
from kboot.bundle.collect.os_release import OsSources, collect_os_release
from kboot.bundle.collect.updater_program import UpdaterFolders
from kboot.errors import BadInput
from kboot_clusterdesc import ClusterDesc, load_text
from service.updater.payload_site import flip_byte
from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey
from unit.clusterdesc.sample import SAMPLE

RELEASE = "4152.2.3"
DESC = load_text(SAMPLE, "ail.yaml")


def updater_here(desc: ClusterDesc, command: Sequence[str], folders: UpdaterFolders) -> tuple[int, str]:
    """The updater's program without its image."""
    words = [*command, *([str(folders.brought)] if folders.brought else [])]
    named = {"KBOOT_CONFIG_DIR": str(folders.config), "KBOOT_IMAGES_DIR": str(folders.images)}
    done = subprocess.run(
        [sys.executable, "-m", "kboot_updater", *words], env={**os.environ, **named}, capture_output=True, text=True
    )
    return done.returncode, done.stderr + done.stdout


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    key = SigningKey("site")
    yield key
    key.close()


@pytest.fixture
def given(tmp_path: Path, key: SigningKey) -> Path:
    """A folder that holds a release with its signatures."""
    return ReleaseServer(tmp_path / "given").release(RELEASE, key)


def collected(tmp_path: Path, given: Path, key: SigningKey, desc: ClusterDesc = DESC) -> list[str]:
    """Take the release in `given` for a bundle; the names of its items."""
    sources = OsSources((given,), tmp_path / "root", updater_here)
    items = collect_os_release(desc, key.public(), sources, Collected(tmp_path / "cache"), lambda text: None)
    assert {(item.version, item.source) for item in items} == {(RELEASE, "given")}
    return [item.name for item in items]


def test_one_that_the_release_key_signed_is_taken_with_its_signatures_and_payload(
    tmp_path: Path, given: Path, key: SigningKey
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in given.iterdir()}
    names = collected(tmp_path, given, key)
    assert {name for file in NAMES.release_files for name in (file, f"{file}.sig")} < set(names)
    assert names[-2:] == [NAMES.payload, f"{NAMES.payload}.sha256"]
    assert {path.name: path.stat().st_mtime_ns for path in given.iterdir()} == before


@pytest.mark.parametrize("name", [NAMES.image, "version.txt", f"{NAMES.kernel}.sig"])
def test_one_with_a_changed_byte_is_refused_by_the_name_of_its_file(
    tmp_path: Path, given: Path, key: SigningKey, name: str
) -> None:
    content = (given / name).read_bytes()
    (given / name).write_bytes(content + b"\n" if name == "version.txt" else flip_byte(content))
    with pytest.raises(BadInput, match=rf"^{given}: {name.removesuffix('.sig')} is refused: ") as refused:
        collected(tmp_path, given, key)
    assert refused.value.hint.startswith("get the files again from where they are released; ")


def test_one_that_another_key_signed_is_refused(tmp_path: Path, given: Path) -> None:
    other = SigningKey("other")
    with pytest.raises(BadInput, match=r"is refused: key [0-9A-F]{16} signed it, which is not known"):
        collected(tmp_path, given, other)
    other.close()


def test_one_of_another_number_than_is_asked_for_is_refused_and_a_folder_without_a_whole_one(
    tmp_path: Path, given: Path, key: SigningKey
) -> None:
    pinned = load_text(SAMPLE.replace("version: current}", "version: 9999.0.0}"), "ail.yaml")
    with pytest.raises(BadInput, match=rf"^{given}: holds release {RELEASE}, not 9999\.0\.0\n"):
        collected(tmp_path, given, key, pinned)
    (given / "version.txt.sig").unlink()
    with pytest.raises(BadInput, match=rf"^{given}: holds no whole release of flatcar\n"):
        collected(tmp_path, given, key)


def test_one_that_does_not_read_the_node_configs_is_refused(tmp_path: Path, key: SigningKey) -> None:
    old = ReleaseServer(tmp_path / "old").release("2905.2.6", key)
    with pytest.raises(BadInput, match=r"^Ignition v3 needs release 3185\.0\.0 or newer, 2905\.2\.6 does not read it"):
        collected(tmp_path, old, key)
