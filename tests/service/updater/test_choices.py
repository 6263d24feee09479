"""Releases that an operator chooses, brings, or has looked at, by the updater's commands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from service.updater.payload_site import flip_byte
from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

OLD, MIDDLE, NEW = "3850.2.0", "3975.2.0", "4081.2.0"


def run(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the updater, to its end."""
    process = site.start(*arguments)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def following(site: Site, server: ReleaseServer, key: SigningKey) -> Site:
    """A site that came from the old release to the one in the middle."""
    for version in (OLD, MIDDLE):
        published(server, key, version)
        assert site.check().is_done
    return site


def test_a_channel_that_goes_back_is_followed_on_a_word_alone(following: Site, server: ReleaseServer) -> None:
    server.set_current(OLD)
    for _ in range(2):
        assert following.check().is_done
    assert following.current() == MIDDLE
    told = f"stable has release {OLD}, older than {MIDDLE} in force, which stays; `kboot os use {OLD}` follows it"
    assert following.status()["remark"] == told
    assert following.kinds()[-1] == "went-back"
    assert following.kinds().count("went-back") == 1
    done = run(following, "use", OLD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"rolled-back: release {OLD} of stable is in force, before it was {MIDDLE}",
        f"stable: release {OLD} is in force",
    ]
    assert (following.current(), following.status()["remark"]) == (OLD, None)
    assert following.check().is_done
    assert (following.current(), following.status()["remark"]) == (OLD, None)


def test_a_release_that_was_chosen_stays_until_a_newer_one_comes_out(
    following: Site, server: ReleaseServer, key: SigningKey
) -> None:
    assert run(following, "use", OLD).returncode == 0
    assert following.check().is_done
    assert following.current() == OLD
    assert following.status()["remark"] == (
        f"release {OLD} was chosen over {MIDDLE} of stable, until a newer one than {MIDDLE} comes out; "
        f"`kboot os use {MIDDLE}` follows the channel again"
    )
    published(server, key, NEW)
    assert following.check().is_done
    assert (following.current(), following.status()["remark"]) == (NEW, None)


def test_a_release_that_was_brought_and_given_up_does_not_return_once_the_channel_has_it(
    following: Site, server: ReleaseServer, key: SigningKey
) -> None:
    shutil.copytree(server.release(NEW, key), following.images / "stable" / NEW)
    assert run(following, "take", NEW).returncode == 0
    assert run(following, "use", OLD).returncode == 0
    server.set_current(NEW)
    assert following.check().is_done
    assert following.current() == OLD
    published(server, key, "4152.2.0")
    assert following.check().is_done
    assert following.current() == "4152.2.0"


def test_a_newer_release_that_was_brought_over_a_choice_ends_it(
    following: Site, server: ReleaseServer, key: SigningKey
) -> None:
    assert run(following, "use", OLD).returncode == 0
    shutil.copytree(server.release(NEW, key), following.images / "stable" / NEW)
    for _ in range(2):
        assert following.check().is_done
        assert following.current() == NEW


def test_a_choice_is_taken_back_by_the_release_of_the_channel(following: Site) -> None:
    assert run(following, "use", OLD).returncode == 0
    assert run(following, "use", MIDDLE).returncode == 0
    assert following.check().is_done
    assert (following.current(), following.status()["remark"]) == (MIDDLE, None)


def test_a_release_that_is_not_here_is_brought_and_verified_first(
    following: Site, server: ReleaseServer, key: SigningKey
) -> None:
    server.release(NEW, key)
    done = run(following, "use", NEW)
    assert done.returncode == 0, done.stderr
    assert following.current() == NEW
    assert following.is_whole(NEW)
    assert following.check().is_done
    assert following.current() == NEW


def test_one_that_cannot_be_had_changes_nothing_and_is_told(following: Site) -> None:
    before = following.status()
    done = run(following, "use", "4999.1.0")
    assert done.returncode == 1
    assert "4999.1.0/version.txt is not there (HTTP 404)" in done.stderr
    assert following.current() == MIDDLE
    assert following.status() == before


def test_a_release_that_the_description_pins_is_changed_there(following: Site) -> None:
    following.describe(version=MIDDLE)
    done = run(following, "use", OLD)
    assert done.returncode == 1
    assert f"the description says `os.version: {MIDDLE}`; write `os.version: {OLD}`" in done.stderr
    assert following.current() == MIDDLE


@pytest.mark.parametrize("arguments", [("use",), ("use", "../x"), ("take", "current"), ("check", "1.2.3")])
def test_a_command_without_the_number_of_a_release_is_told(site: Site, arguments: tuple[str, ...]) -> None:
    done = run(site, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr


@pytest.mark.parametrize("enabled", [True, False])
def test_a_release_that_was_brought_is_in_force_once_it_is_verified(
    following: Site, server: ReleaseServer, key: SigningKey, enabled: bool
) -> None:
    """Also where no updater runs: nobody else would verify it."""
    following.describe(update={"enabled": enabled})
    shutil.copytree(server.release(NEW, key), following.images / "stable" / NEW)
    server.stop()
    done = run(following, "take", NEW)
    assert done.returncode == 0, done.stderr
    assert following.current() == NEW
    assert (following.status()["payload"] == NEW) is enabled


def test_an_older_one_that_was_brought_is_verified_and_waits_for_a_word(
    following: Site, server: ReleaseServer, key: SigningKey
) -> None:
    shutil.copytree(server.release("3602.2.0", key), following.images / "stable" / "3602.2.0")
    assert run(following, "take", "3602.2.0").returncode == 0
    assert following.current() == MIDDLE
    assert (following.images / "stable" / "3602.2.0" / ".origin").exists()


def test_one_that_was_altered_is_not_taken(following: Site, server: ReleaseServer, key: SigningKey) -> None:
    copy = following.images / "stable" / NEW
    shutil.copytree(server.release(NEW, key), copy)
    (copy / NAMES.kernel).write_bytes(b"something else")
    done = run(following, "take", NEW)
    assert done.returncode == 1
    assert (
        f"release {NEW} is not taken: the copy of {NEW} in the store is not taken: {NAMES.kernel} is refused"
        in done.stderr
    )
    assert following.current() == MIDDLE


def test_a_pinned_release_comes_though_the_updater_is_off(site: Site, server: ReleaseServer, key: SigningKey) -> None:
    published(server, key, OLD, MIDDLE)
    site.describe(version=OLD, update={"enabled": False})
    assert run(site, "check").returncode == 0
    assert (site.current(), site.versions()) == (OLD, {OLD})


def damaged(site: Site, version: str, name: str) -> Path:
    """A file of the store in which a bit fell over."""
    file = site.images / "stable" / version / name
    file.write_bytes(flip_byte(file.read_bytes()))
    return file


def test_a_store_that_is_whole_is_told_so(following: Site) -> None:
    done = run(following, "verify")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{OLD}: whole, with its update payload",
        f"{MIDDLE}: whole, with its update payload",
    ]


@pytest.mark.parametrize("name", [NAMES.image, NAMES.kernel])
def test_a_damaged_release_is_found_served_no_more_and_brought_anew(following: Site, name: str) -> None:
    damaged(following, MIDDLE, name)
    done = run(following, "verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith(f"{MIDDLE}: damaged: {name} is refused: its signature does not fit")
    assert following.status()["current"] is None
    assert following.kinds()[-1] == "refused"
    assert following.check().is_done
    assert following.is_whole(MIDDLE)
    assert run(following, "verify").returncode == 0


def test_a_damaged_payload_is_found_offered_no_more_and_brought_anew(following: Site) -> None:
    damaged(following, MIDDLE, NAMES.payload)
    done = run(following, "verify")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith(
        f"{MIDDLE}: whole, its update payload damaged: {NAMES.payload} is refused"
    )
    assert not (following.images / "stable" / MIDDLE / "update.json").exists()
    assert following.check().is_done
    assert following.status()["payload"] == MIDDLE


@pytest.mark.parametrize("name", [NAMES.payload, f"{NAMES.payload}.sha256"])
def test_a_payload_without_one_of_its_two_files_is_told_as_damaged(following: Site, name: str) -> None:
    (following.images / "stable" / MIDDLE / name).unlink()
    done = run(following, "verify")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[1] == f"{MIDDLE}: whole, its update payload damaged: {name} is gone"
