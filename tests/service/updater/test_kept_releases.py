"""Which releases the store keeps, and what becomes of one that was copied there by hand."""

from __future__ import annotations

import shutil

from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


def test_old_releases_are_pruned_to_the_number_that_is_kept(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    site.describe(update={"keep": 3})
    for version in ("3602.2.0", "3760.2.0", "3815.2.0", "3850.2.0"):
        published(server, key, version)
        site.check()
    assert site.versions() == {"3760.2.0", "3815.2.0", "3850.2.0"}
    assert site.kinds()[-1] == "pruned"
    assert site.incoming() == []


def test_the_release_before_stays_even_when_one_is_kept(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    site.describe(update={"keep": 1})
    for version in ("3760.2.0", "3815.2.0", "3850.2.0"):
        published(server, key, version)
        site.check()
    assert site.versions() == {"3815.2.0", "3850.2.0"}


def test_the_release_before_a_rollback_stays_however_old_the_new_one_is(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    for version in ("3815.2.0", "3850.2.0", "3602.2.0"):
        published(server, key, version)
        site.check()
    assert site.current() == "3602.2.0"
    assert site.versions() == {"3602.2.0", "3850.2.0"}


def test_a_release_that_was_copied_by_hand_is_verified_and_not_fetched(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    folder = server.release("3975.2.0", key)
    shutil.copytree(folder, site.images / "stable" / "3975.2.0")
    site.describe(version="3975.2.0")
    result = site.check()
    assert result.fault is None
    assert site.current() == "3975.2.0"
    assert server.asked == []


def test_a_copy_by_hand_that_does_not_verify_is_replaced(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    folder = server.release("3975.2.0", key)
    copy = site.images / "stable" / "3975.2.0"
    shutil.copytree(folder, copy)
    (copy / NAMES.kernel).write_bytes(b"something else")
    site.describe(version="3975.2.0")
    assert site.check().fault is None
    assert site.is_whole("3975.2.0")
    assert site.kinds() == ["refused", "mirrored", "switched"]


def test_a_newer_release_brought_by_hand_is_followed_and_no_server_is_asked(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    for version in ("3975.2.0", "3975.2.2"):
        shutil.copytree(server.release(version, key), site.images / "stable" / version)
    server.stop()
    assert site.check().fault is None
    assert site.current() == "3975.2.2"
    shutil.copytree(server.release("4081.2.0", key), site.images / "stable" / "4081.2.0")
    assert site.check().fault is None
    assert site.current() == "4081.2.0"
    assert site.kinds() == ["mirrored", "switched", "mirrored", "switched", "pruned"]
    assert site.check().fault is not None  # nothing newer was brought: the channel is followed
    assert site.current() == "4081.2.0"


def test_what_was_brought_by_hand_and_does_not_verify_keeps_nobody_from_following(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    shutil.copytree(server.release("9999.2.0", key), site.images / "stable" / "9999.2.0")
    (site.images / "stable" / "9999.2.0" / NAMES.image).write_bytes(b"something else")
    published(server, key, "3975.2.0")
    for _ in range(2):
        assert site.check().fault is None
        assert site.current() == "3975.2.0"
    assert site.kinds() == ["refused", "mirrored", "switched", "refused"]
