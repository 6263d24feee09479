"""What a check brings and puts in force, against a release server."""

from __future__ import annotations

import os
import shutil
import threading

from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


def test_a_channel_is_followed_by_the_number_it_stands_at(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, "3975.2.0")
    result = site.check()
    assert result.fault is None
    assert site.current() == "3975.2.0"
    assert site.is_whole("3975.2.0")
    board = "/stable/amd64-usr"
    of_current = [path for path in server.paths_asked() if "/current/" in path]
    assert of_current == [f"{board}/current/version.txt", f"{board}/current/version.txt.sig"]
    assert f"{board}/3975.2.0/{NAMES.image}" in server.paths_asked()
    status = site.status()
    assert {name: status[name] for name in ("channel", "version", "current", "error")} == {
        "channel": "stable",
        "version": "current",
        "current": "3975.2.0",
        "error": None,
    }
    assert status["checked"].endswith("Z")
    assert site.kinds() == ["mirrored", "switched"]
    assert set(status["events"][0]) == {"at", "kind", "detail"}


def test_a_second_check_downloads_no_release_again(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, "3975.2.0")
    site.check()
    server.forget()
    result = site.check()
    assert result.fault is None
    assert result.events == ()
    assert [path.rpartition("/")[2] for path in server.paths_asked()] == ["version.txt", "version.txt.sig"]


def test_a_pinned_release_that_is_here_asks_the_server_nothing(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3850.2.0", "3975.2.0")
    site.describe(version="3850.2.0")
    assert site.check().current == "3850.2.0"
    server.forget()
    assert site.check().fault is None
    assert server.asked == []


def test_a_newer_release_takes_over_and_the_one_before_stays(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3850.2.0")
    site.check()
    published(server, key, "3975.2.0")
    site.check()
    assert site.current() == "3975.2.0"
    assert site.versions() == {"3850.2.0", "3975.2.0"}


def test_releases_are_never_mixed_when_the_channel_moves_during_a_check(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3850.2.0")
    server.release("3975.2.0", key)
    moved = threading.Event()

    def move(path: str) -> None:
        if path.endswith(NAMES.kernel) and not moved.is_set():
            moved.set()
            server.set_current("3975.2.0")

    server.on_request = move
    site.check()
    assert moved.is_set()
    assert site.current() == "3850.2.0"
    assert site.is_whole("3850.2.0")


def test_a_folder_whose_version_file_names_another_release_is_refused(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3850.2.0", "3975.2.0")
    for name in ("version.txt", "version.txt.sig"):
        board = server.folder / "stable" / "amd64-usr"
        shutil.copy(board / "3850.2.0" / name, board / "3975.2.0" / name)
    site.describe(version="3975.2.0")
    result = site.check()
    assert result.fault is not None
    assert "says 3850.2.0" in str(result.fault)
    assert result.fault.kind == "refused"
    assert site.current() is None


def test_updates_that_are_switched_off_bring_the_first_release_only(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    site.describe(update={"enabled": False})
    published(server, key, "3850.2.0")
    assert site.check().current == "3850.2.0"
    published(server, key, "3975.2.0")
    server.forget()
    assert site.check().current == "3850.2.0"
    assert server.asked == []


def test_a_switch_is_atomic_for_whoever_reads_meanwhile(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, "3850.2.0")
    site.check()
    published(server, key, "3975.2.0")
    seen: set[str] = set()
    broken: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                version = os.readlink(site.images / "stable" / "current")
                seen.add(version)
                folder = site.images / "stable" / version
                if any(not (folder / name).is_file() for name in NAMES.release_files):
                    broken.append(version)
            except OSError as error:
                broken.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for version in ("3975.2.0", "3850.2.0") * 20:
            site.describe(version=version)
            site.check()
    finally:
        done.set()
        reader.join()
    assert broken == []
    assert seen == {"3850.2.0", "3975.2.0"}


def test_files_and_folders_are_readable_by_the_service_that_serves_them(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    published(server, key, "3975.2.0")
    site.check()
    folder = site.images / "stable" / "3975.2.0"
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in (*folder.iterdir(), site.settings.status))
    assert folder.stat().st_mode & 0o555 == 0o555


def test_channels_stand_beside_each_other(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, "3975.2.0")
    site.check()
    server.release("4012.1.0", key, channel="beta")
    server.set_current("4012.1.0", channel="beta")
    site.describe(channel="beta")
    site.check()
    assert (site.current("stable"), site.current("beta")) == ("3975.2.0", "4012.1.0")
    assert site.status()["channel"] == "beta"
