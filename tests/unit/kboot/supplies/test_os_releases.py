"""An OS release out of the supply store, as the updater takes one that was brought by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kboot.errors import BadInput, KbootError
from kboot.supplies.bundle_manifest import Kind, Manifest
from kboot.supplies.missing import missing_release
from kboot.supplies.os_releases import place_release
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterDesc, ClusterFolder, family_of, load_text
from kboot_clusterdesc.os_choice import Choice, write_choice
from support.bundles import digest_of, file_item, manifest_of
from unit.clusterdesc.sample import spoilt

Load = Callable[..., Manifest]


def described(os: str = "version: current}") -> ClusterDesc:
    return load_text(spoilt(("version: current}", os)), "rack.yaml")


PINNED = described("version: 3975.2.0}")
ALONE = described("version: current, update: {enabled: false}}")
NAMES = [name for file in family_of(PINNED.os.family).release_files for name in (file, f"{file}.sig")]


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A cluster without a release."""
    found = ClusterFolder(tmp_path, "ail")
    found.images.mkdir(parents=True)
    return found


@pytest.fixture
def load(folder: ClusterFolder) -> Load:
    """Have a bundle with these releases loaded."""

    def loaded(*versions: str, board: str = "amd64-usr", left_out: str = "", also: Sequence[str] = ()) -> Manifest:
        store = SupplyStore(folder.root)
        store.incoming.mkdir(parents=True, exist_ok=True)
        names = [*(name for name in NAMES if name != left_out), *also]
        contents = {(version, name): f"{version} {name}".encode() for version in versions for name in names}
        items = [
            file_item(content, f"flatcar/stable/{board}/{version}/{name}", Kind.OS_FILE, version=version)
            for (version, name), content in contents.items()
        ]
        manifest = manifest_of(*items)
        for content in contents.values():
            (store.incoming / digest_of(content)[7:]).write_bytes(content)
        store.publish(manifest, [store.incoming / digest_of(content)[7:] for content in contents.values()])
        return manifest

    return loaded


def unasked(version: str, release: Path) -> None:
    """Where there is an updater, that verifies."""
    raise AssertionError(version)


def placed(folder: ClusterFolder, desc: ClusterDesc) -> set[str]:
    """Place what is missing; the releases that are whole afterwards."""
    place_release(folder, desc, unasked if desc.os.update.enabled else lambda version, release: None, lambda _: None)
    assert {path.name for path in folder.images.iterdir()} <= {"stable"}
    return {path.name for path in (folder.images / "stable").glob("[0-9]*")}


def test_a_pinned_release_is_placed_with_its_signatures_alone(folder: ClusterFolder, load: Load) -> None:
    load("3975.2.0", "4081.2.0")
    said: list[str] = []
    assert place_release(folder, PINNED, unasked, said.append)
    assert said[:2] == [
        "placing the release 3975.2.0 of flatcar stable",
        "  1 of 8: flatcar_production_image.bin.bz2, 0 MB",
    ]
    files = {path.name: path.read_text() for path in (folder.images / "stable/3975.2.0").iterdir()}
    assert files == {name: f"3975.2.0 {name}" for name in NAMES}
    assert placed(folder, PINNED) == {"3975.2.0"}
    assert not place_release(folder, PINNED, unasked, said.append)


def test_of_several_the_newest_is_placed_where_none_is_pinned(folder: ClusterFolder, load: Load) -> None:
    load("3975.2.0", "4081.10.0", "4081.9.0")
    assert placed(folder, described()) == {"4081.10.0"}
    assert not (folder.images / "stable/current").is_symlink()  # the updater switches, once it has verified


def test_an_older_one_than_is_in_force_is_left_where_it_is(folder: ClusterFolder, load: Load) -> None:
    load("4081.2.0")
    assert placed(folder, ALONE) == {"4081.2.0"}
    load("3975.2.0")
    assert placed(folder, ALONE) == {"4081.2.0"}
    load("4152.2.0")
    assert placed(folder, ALONE) == {"4081.2.0", "4152.2.0"}
    assert (folder.images / "stable/current").readlink() == Path("4152.2.0")


def test_a_verified_release_that_was_pinned_or_whose_placing_was_killed_comes_into_force(
    folder: ClusterFolder, load: Load
) -> None:
    current = folder.images / "stable/current"
    load("3975.2.0")
    placed(folder, described("version: 3975.2.0, update: {enabled: false}}"))
    assert not current.is_symlink()
    assert list(missing_release(folder, ALONE)) != []
    assert place_release(folder, ALONE, unasked, lambda _: None)
    assert current.readlink() == Path("3975.2.0")
    assert list(missing_release(folder, ALONE)) == []
    assert not place_release(folder, ALONE, unasked, lambda _: None)

    load("4081.2.0")
    placed(folder, ALONE)
    current.unlink()
    current.symlink_to("3975.2.0")  # as a kill before the switch leaves it
    assert place_release(folder, ALONE, unasked, lambda _: None)
    assert current.readlink() == Path("4081.2.0")


def test_what_the_operator_chose_stays_until_a_newer_one_than_it_was_chosen_over_is_brought(
    folder: ClusterFolder, load: Load
) -> None:
    current = folder.images / "stable/current"
    for version in ("3850.2.0", "4081.2.0"):
        load(version)
        placed(folder, ALONE)
    current.unlink()
    current.symlink_to("3850.2.0")  # `kboot os use 3850.2.0`
    (folder.images / "stable/.choice.json").write_text(write_choice(Choice("3850.2.0", over="4081.2.0")))
    assert not place_release(folder, ALONE, unasked, lambda _: None)
    assert current.readlink() == Path("3850.2.0")
    load("4152.2.0")
    placed(folder, ALONE)
    assert current.readlink() == Path("4152.2.0")


@pytest.mark.parametrize("said", ["", "{}", '{"version": "3975.2.0", "over": "4081.2.0"}'])
def test_a_choice_that_is_unreadable_or_of_another_release_holds_nothing_back(
    folder: ClusterFolder, load: Load, said: str
) -> None:
    load("3850.2.0")
    placed(folder, ALONE)
    (folder.images / "stable/.choice.json").write_text(said)
    load("4081.2.0")
    placed(folder, ALONE)
    assert (folder.images / "stable/current").readlink() == Path("4081.2.0")


@pytest.mark.parametrize("more", [{"board": "arm64-usr"}, {"left_out": NAMES[-1]}])
def test_one_of_another_board_or_without_a_signature_is_none(
    folder: ClusterFolder, load: Load, more: dict[str, str]
) -> None:
    load("3975.2.0", **more)
    assert placed(folder, PINNED) == set()


def test_what_is_half_there_is_replaced(folder: ClusterFolder, load: Load) -> None:
    half = folder.images / "stable/3975.2.0"
    half.mkdir(parents=True)
    (half / "version.txt").write_text("half")
    load("3975.2.0")
    assert placed(folder, PINNED) == {"3975.2.0"}
    assert (half / "version.txt").read_text() == "3975.2.0 version.txt"


def test_a_damaged_file_is_named_and_nothing_is_placed(folder: ClusterFolder, load: Load) -> None:
    manifest = load("3975.2.0")
    blob = SupplyStore(folder.root).blob(manifest.items[-1].digest)
    blob.write_bytes(b"x" * blob.stat().st_size)
    with pytest.raises(KbootError, match=f"{blob}: its bytes are ") as raised:
        place_release(folder, PINNED, unasked, lambda _: None)
    assert raised.value.hint == "load the bundle again"
    assert placed_names(folder) == []


@pytest.mark.parametrize("os", ["version: current", "version: 3975.2.0"])
def test_without_an_updater_a_release_is_verified_before_it_is_in_its_place(
    folder: ClusterFolder, load: Load, os: str
) -> None:
    load("3975.2.0")
    off, asked = described(f"{os}, update: {{enabled: false}}}}"), list[tuple[str, set[str]]]()

    def refuse(version: str, release: Path) -> None:
        assert not (folder.images / "stable").exists()
        asked.append((version, {path.name for path in release.iterdir()}))
        raise BadInput("release 3975.2.0 is not put in force: version.txt is refused")

    with pytest.raises(BadInput, match=r"version\.txt is refused"):
        place_release(folder, off, refuse, lambda _: None)
    assert asked == [("3975.2.0", set(NAMES))]
    assert placed_names(folder) == []
    assert placed(folder, off) == {"3975.2.0"}
    assert (folder.images / "stable/3975.2.0/.origin").read_text() == "flatcar amd64-usr\n"


@pytest.mark.parametrize("os", ["version: current", "version: 3975.2.0"])
def test_a_release_that_the_updater_was_to_verify_is_verified_once_there_is_none(
    folder: ClusterFolder, load: Load, os: str
) -> None:
    load("3975.2.0")
    assert placed(folder, described(f"{os}}}")) == {"3975.2.0"}
    off = described(f"{os}, update: {{enabled: false}}}}")

    def refuse(version: str, release: Path) -> None:
        raise BadInput("refused")

    with pytest.raises(BadInput, match="refused"):
        place_release(folder, off, refuse, lambda _: None)
    assert {path.name for path in folder.images.iterdir()} == {"stable", ".refused-stable-3975.2.0"}
    assert list((folder.images / "stable").glob("[0-9]*")) == []
    place_release(folder, off, lambda version, release: None, lambda _: None)
    assert (folder.images / "stable/3975.2.0/.origin").read_text() == "flatcar amd64-usr\n"
    assert not place_release(folder, off, unasked, lambda _: None), "it was verified"
    assert list(missing_release(folder, off)) == []


def placed_names(folder: ClusterFolder) -> list[str]:
    return [path.name for path in folder.images.rglob("*")]


def test_without_an_updater_a_release_that_is_not_there_is_named(folder: ClusterFolder, load: Load) -> None:
    (said,) = missing_release(folder, ALONE)
    assert said.startswith(
        f"release current: not in {folder.images}/stable yet: put it there, or `kboot bundle load BUNDLE`"
    )
    assert list(missing_release(folder, described())) == []
    load("3975.2.0")
    placed(folder, ALONE)
    assert list(missing_release(folder, ALONE)) == []


PAYLOAD = ("flatcar_production_update.gz", "flatcar_production_update.gz.sha256")


def test_the_update_payload_is_placed_with_its_release(folder: ClusterFolder, load: Load) -> None:
    load("3975.2.0", also=[*PAYLOAD, "flatcar-zfs.gz", "flatcar-zfs.gz.sha256"])
    assert placed(folder, PINNED) == {"3975.2.0"}
    assert {path.name for path in (folder.images / "stable/3975.2.0").iterdir()} == {*NAMES, *PAYLOAD}


def test_a_release_that_is_here_is_given_the_payload_that_a_later_bundle_brought(
    folder: ClusterFolder, load: Load
) -> None:
    load("3975.2.0")
    assert placed(folder, PINNED) == {"3975.2.0"}
    load("3975.2.0", also=PAYLOAD)
    said: list[str] = []
    assert place_release(folder, PINNED, unasked, said.append)
    assert said == [f"placing {name} of release 3975.2.0, 0 MB" for name in PAYLOAD]
    assert (folder.images / "stable/3975.2.0" / PAYLOAD[0]).read_text() == f"3975.2.0 {PAYLOAD[0]}"
    assert not place_release(folder, PINNED, unasked, said.append)


def test_a_payload_without_its_hash_and_one_that_nobody_needs_stay_in_the_store(
    folder: ClusterFolder, load: Load
) -> None:
    load("3975.2.0", also=PAYLOAD[:1])
    assert placed(folder, PINNED) == {"3975.2.0"}
    load("3975.2.0", also=PAYLOAD)
    off = described("version: 3975.2.0, update: {enabled: false}}")
    place_release(folder, off, lambda version, release: None, print)
    assert not place_release(folder, off, unasked, print)
    assert {path.name for path in (folder.images / "stable/3975.2.0").iterdir()} == {*NAMES, ".origin"}
