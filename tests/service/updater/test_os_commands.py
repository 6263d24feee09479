"""What `kboot os` shows of a store that the updater filled, and a release that it brings in from a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kboot.errors import BadInput, KbootError
from kboot.supplies.mirrored_releases import mirrored_releases
from kboot.supplies.release_import import import_release, remove_refused
from kboot.supplies.updater_task import logged_detail
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load_text
from service.updater.payload_site import flip_byte
from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

OLD, NEW = "3850.2.0", "3975.2.0"


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path / "root", "ail")


@pytest.fixture
def inside(tmp_path: Path, server: ReleaseServer, key: SigningKey, folder: ClusterFolder) -> Site:
    """The updater of that cluster."""
    return Site(tmp_path / "site", server, key.public(), folder.images)


def desc(site: Site) -> ClusterDesc:
    return load_text(site.settings.description.read_text(), "clusterdesc.yaml")


def not_asked(version: str, release: Path) -> None:
    """Where there is an updater, that verifies."""
    raise AssertionError(version)


def taken(site: Site, version: str) -> int:
    """What the updater says of a release that was brought."""
    process = site.start("take", version)
    process.communicate(timeout=60)
    return process.returncode


def test_the_store_is_listed_with_what_was_told_of_it(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    for version in (OLD, NEW):
        published(server, key, version)
        assert inside.check().is_done
    (folder.images / "stable" / OLD / "update.json").unlink()
    server.set_current(OLD)
    inside.check()
    (folder.images / "stable" / "4081.2.0").mkdir()
    shown = mirrored_releases(folder, desc(inside))
    status = inside.status()
    assert (shown["channel"], shown["current"], shown["wanted"]) == ("stable", NEW, "current")
    assert (shown["last_check"], shown["error"], shown["published"]) == (status["checked"], None, OLD)
    assert shown["remark"].endswith(f"`kboot os use {OLD}` follows it")
    keys = ("version", "complete", "verified", "payload")
    assert [tuple(each[key] for key in keys) for each in shown["releases"]] == [
        ("4081.2.0", False, False, False),
        (NEW, True, True, True),
        (OLD, True, True, False),
    ]
    stored = folder.images / "stable" / NEW
    assert shown["releases"][1]["bytes"] == sum(path.stat().st_size for path in stored.iterdir())
    assert shown["releases"][1]["since"].endswith("Z")


def test_a_cluster_without_a_store_lists_nothing(inside: Site, folder: ClusterFolder) -> None:
    shutil.rmtree(folder.images)
    shown = mirrored_releases(folder, desc(inside))
    assert (shown["releases"], shown["current"], shown["last_check"]) == ([], None, None)


def test_a_release_is_brought_in_with_its_payload_and_verified(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source, said = server.release(NEW, key), list[str]()
    server.stop()
    assert import_release(folder, desc(inside), source, not_asked, said.append) == NEW
    assert said[0].startswith("copying 1 of 10: version.txt")
    assert mirrored_releases(folder, desc(inside))["releases"][0]["verified"] is False
    assert taken(inside, NEW) == 0
    (shown,) = mirrored_releases(folder, desc(inside))["releases"]
    assert (shown["complete"], shown["verified"], shown["payload"]) == (True, True, True)
    assert inside.current() == NEW
    assert list(folder.images.glob(".placed*")) == []


def test_a_release_that_is_here_is_given_the_payload_that_it_lacks(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source, said = server.release(NEW, key), list[str]()
    bare = source.parent / "bare"
    shutil.copytree(source, bare)
    for name in (NAMES.payload, f"{NAMES.payload}.sha256"):
        (bare / name).unlink()
    server.stop()
    import_release(folder, desc(inside), bare, not_asked, said.append)
    assert taken(inside, NEW) == 0
    assert inside.status()["payload"] is None
    before = (folder.images / "stable" / NEW / NAMES.image).stat().st_ino
    said.clear()
    import_release(folder, desc(inside), source, not_asked, said.append)
    assert [line.split(",")[0] for line in said] == [
        f"copying 1 of 2: {NAMES.payload}",
        f"copying 2 of 2: {NAMES.payload}.sha256",
    ]
    assert taken(inside, NEW) == 0
    assert inside.status()["payload"] == NEW
    assert (folder.images / "stable" / NEW / NAMES.image).stat().st_ino == before


def test_one_that_does_not_verify_is_removed_again(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source = server.release(NEW, key)
    (source / NAMES.image).write_bytes(flip_byte((source / NAMES.image).read_bytes()))
    import_release(folder, desc(inside), source, not_asked, print)
    assert taken(inside, NEW) == 1
    remove_refused(folder, desc(inside), NEW)
    assert inside.versions() == set()
    assert inside.current() is None


def test_a_release_that_stands_whole_without_an_updater_is_in_force_and_not_written_over(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source = server.release(NEW, key)
    inside.describe(update={"enabled": False})
    placed = folder.images / "stable" / NEW
    shutil.copytree(source, placed)
    before = {path.name: path.stat().st_ino for path in placed.iterdir()}
    with pytest.raises(BadInput, match="stands here whole, and is left as it is") as refused:
        import_release(folder, desc(inside), source, not_asked, print)
    assert refused.value.hint.startswith("move that folder away")
    assert {path.name: path.stat().st_ino for path in placed.iterdir()} == before
    (placed / NAMES.image).unlink()

    def refuse(version: str, release: Path) -> None:
        assert (version, (release / NAMES.image).is_file(), (placed / NAMES.image).exists()) == (NEW, True, False)
        raise BadInput("is refused")

    with pytest.raises(BadInput, match="is refused"):
        import_release(folder, desc(inside), source, refuse, print)
    assert not (placed / NAMES.image).exists()
    assert import_release(folder, desc(inside), source, lambda version, release: None, print) == NEW
    assert (placed / NAMES.image).is_file()


def test_a_folder_without_a_whole_release_is_refused_with_what_it_lacks(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source = server.release(NEW, key)
    (source / f"{NAMES.initrd}.sig").unlink()
    with pytest.raises(BadInput, match=rf"holds no whole release of flatcar: {NAMES.initrd}\.sig is not there"):
        import_release(folder, desc(inside), source, not_asked, print)
    server.release(NEW, key)
    (source / "version.txt").write_text("FLATCAR_VERSION=../..\n")
    with pytest.raises(BadInput, match="says no number of a release at FLATCAR_VERSION="):
        import_release(folder, desc(inside), source, not_asked, print)
    assert not (folder.images / "stable").exists()


def test_a_folder_that_cannot_be_written_is_told(
    inside: Site, folder: ClusterFolder, server: ReleaseServer, key: SigningKey
) -> None:
    source = server.release(NEW, key)
    (folder.images / "stable").write_text("in the way")
    with pytest.raises(KbootError, match="stable"):
        import_release(folder, desc(inside), source, not_asked, print)


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ('{"at": "2026-06-01T00:00:00Z", "event": "progress", "detail": "image: 5 MB, 3 %"}', "image: 5 MB, 3 %"),
        ('{"at": "2026-06-01T00:00:00Z", "event": "checked"}', ""),
        ("stable: release 3975.2.0 is in force", None),
        ("{", None),
        ("7", None),
    ],
)
def test_what_the_updater_logs_is_progress_and_the_rest_its_answer(line: str, detail: str | None) -> None:
    assert logged_detail(line) == detail
