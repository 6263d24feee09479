"""Which releases the store keeps, and what becomes of one that was copied there by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


@pytest.fixture
def stranger() -> Iterator[SigningKey]:
    """A key that nobody gave the site yet."""
    key = SigningKey("stranger")
    yield key
    key.close()


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


def test_the_release_before_an_older_one_that_was_chosen_stays(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    for version in ("3602.2.0", "3815.2.0", "3850.2.0"):
        published(server, key, version)
        site.check()
    site.describe(version="3602.2.0")
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
    assert site.kinds() == ["refused", "mirrored", "switched"]


def test_a_refused_copy_is_told_once_and_looked_at_again_when_it_or_the_key_is_another(
    site: Site, server: ReleaseServer, key: SigningKey, stranger: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each look would read the whole OS image; a restart of the updater forgets nothing."""
    copy = site.images / "stable" / "9999.2.0"
    shutil.copytree(server.release("9999.2.0", stranger), copy)
    published(server, key, "3975.2.0")
    refused = '"event": "refused"'

    def times_told() -> int:
        assert site.check().fault is None
        return capsys.readouterr().out.count(refused)

    assert [times_told() for _ in range(3)] == [1, 0, 0]
    shutil.copyfile(copy / NAMES.kernel, copy / "again")
    (copy / "again").replace(copy / NAMES.kernel)
    assert [times_told() for _ in range(2)] == [1, 0]
    site.give_key(key.public() + stranger.public())
    assert times_told() == 0
    assert (site.current(), (copy / ".refused").exists()) == ("9999.2.0", False)
