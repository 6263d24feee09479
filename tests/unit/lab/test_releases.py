"""Releases on a lab's server: whole, replaced in one step, `current` at the newest or at the one that was asked for."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from kboot_lab.releases import publish

BOARD = Path("stable/amd64-usr")


def built(folder: Path, version: str, text: str = "") -> Path:
    """A release as the build leaves it."""
    release = folder / f"{version}{text}" / BOARD / version
    release.mkdir(parents=True)
    (release / "version.txt").write_text(f"{version}{text}")
    (release / "image.bz2").write_text(text or version)
    (release.parent / "current").symlink_to(version)
    (folder / f"{version}{text}" / "release-key.asc").write_text("key")
    return folder / f"{version}{text}"


def test_current_leads_to_the_newest_unless_another_is_asked_for(tmp_path: Path) -> None:
    place = tmp_path / "place"
    current = place / BOARD / "current"
    for version, is_current, wanted in (
        ("3975.2.0", False, "3975.2.0"),
        ("3975.2.10", False, "3975.2.10"),
        ("3975.2.9", False, "3975.2.10"),
        ("3975.2.1", True, "3975.2.1"),
    ):
        publish(built(tmp_path, version), place, is_current=is_current)
        assert (current / "version.txt").read_text() == wanted
    versions = {path.name for path in (place / BOARD).iterdir() if not path.is_symlink()}
    assert versions == {"3975.2.0", "3975.2.1", "3975.2.9", "3975.2.10"}


def test_a_release_takes_no_room_twice_and_one_built_anew_takes_its_place(tmp_path: Path) -> None:
    place, image = tmp_path / "place", BOARD / "3975.2.0/image.bz2"
    first = built(tmp_path, "3975.2.0")
    publish(first, place, is_current=False)
    assert (place / image).samefile(first / image)
    with (place / image).open() as reader:
        publish(built(tmp_path, "3975.2.0", "anew"), place, is_current=False)
        assert (reader.read(), (place / image).read_text()) == ("3975.2.0", "anew")
    assert sorted(path.name for path in (place / BOARD).iterdir()) == ["3975.2.0", "current"]


def test_a_release_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "place"
    publish(built(tmp_path, "3975.2.0"), place, is_current=False)
    folder = (place / BOARD / "3975.2.0").stat().st_ino
    publish(tmp_path / "3975.2.0", place, is_current=False)
    assert (place / BOARD / "3975.2.0").stat().st_ino == folder


def test_on_another_file_system_files_are_copied(tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        place = Path(elsewhere)
        assert place.stat().st_dev != tmp_path.stat().st_dev
        publish(built(tmp_path, "3975.2.0"), place, is_current=False)
        folder = (place / BOARD / "3975.2.0").stat().st_ino
        publish(tmp_path / "3975.2.0", place, is_current=False)
        assert (place / BOARD / "current/image.bz2").read_text() == "3975.2.0"
        assert (place / BOARD / "3975.2.0").stat().st_ino == folder
