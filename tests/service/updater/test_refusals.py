"""Releases whose signature does not hold, and keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot_updater.check import Result, run_check
from service.updater.release_server import NAMES, Ill, ReleaseServer
from service.updater.signing import SigningKey
from service.updater.site import QUICK, Site

KeyMaker = Callable[..., SigningKey]


@pytest.fixture
def make_key() -> Iterator[KeyMaker]:
    """Make keys that are gone after the test."""
    made: list[SigningKey] = []

    def make(name: str, **times: str) -> SigningKey:
        made.append(SigningKey(name, **times))
        return made[-1]

    yield make
    for key in made:
        key.close()


@pytest.fixture
def serving(site: Site, server: ReleaseServer, key: SigningKey) -> Site:
    """A site that serves 3850.2.0 while its channel has gone on to 3975.2.0."""
    server.release("3850.2.0", key)
    server.set_current("3850.2.0")
    assert site.check().fault is None
    server.release("3975.2.0", key)
    server.set_current("3975.2.0")
    return site


def assert_untouched(site: Site, result: Result, kind: str) -> None:
    """What was served is served, nothing half-done is left, and the status tells of it."""
    assert result.fault is not None
    assert result.fault.kind == kind
    assert site.current() == "3850.2.0"
    assert site.is_whole("3850.2.0")
    assert site.versions() == {"3850.2.0"}
    assert site.incoming() == []
    status = site.status()
    assert status["error"] == str(result.fault)
    assert status["events"][-1]["kind"] == kind
    assert status["current"] == "3850.2.0"


@pytest.mark.parametrize("name", NAMES.release_files)
def test_a_file_that_was_altered_leaves_what_was_served(name: str, serving: Site, server: ReleaseServer) -> None:
    file = server.folder / "stable" / "amd64-usr" / "3975.2.0" / name
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    result = serving.check()
    assert_untouched(serving, result, "refused")
    assert name in str(result.fault)
    assert serving.status()["refused_total"] == 1


def test_a_refused_file_is_fetched_afresh_and_taken_once_it_is_good(
    serving: Site, server: ReleaseServer, key: SigningKey
) -> None:
    kernel = server.folder / "stable" / "amd64-usr" / "3975.2.0" / NAMES.kernel
    good = kernel.read_bytes()
    kernel.write_bytes(b"evil" + good[4:])
    assert serving.check().fault is not None
    kernel.write_bytes(good)
    result = serving.check()
    assert result.fault is None
    assert serving.current() == "3975.2.0"
    assert serving.kinds()[-3:] == ["mirrored", "switched", "recovered"]


def test_a_missing_signature_is_refused(serving: Site, server: ReleaseServer) -> None:
    server.ills[f"3975.2.0/{NAMES.image}.sig"] = Ill(status=404)
    result = serving.check()
    assert_untouched(serving, result, "refused")
    assert "no signature" in str(result.fault)
    assert not any(path.endswith(f"3975.2.0/{NAMES.image}") for path in server.paths_asked())


def test_a_signature_that_is_none_is_refused(serving: Site, server: ReleaseServer) -> None:
    server.ills[f"3975.2.0/{NAMES.kernel}.sig"] = Ill(page=b"not a signature", page_type="text/plain")
    assert_untouched(serving, serving.check(), "refused")


def test_a_foreign_key_is_refused(serving: Site, server: ReleaseServer, make_key: KeyMaker) -> None:
    server.release("3975.2.0", make_key("stranger"))
    server.set_current("3975.2.0")
    result = serving.check()
    assert_untouched(serving, result, "refused")
    assert "os.release_key" in str(result.fault)


def test_a_revoked_key_is_refused(
    site: Site, server: ReleaseServer, make_key: KeyMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    key = make_key("revoked")
    server.release("3975.2.0", key)
    server.set_current("3975.2.0")
    key.revoke()
    site.give_key(key.public())
    result = site.check()
    assert "revoked" in str(result.fault)
    assert site.current() is None
    assert '"event": "refused"' in capsys.readouterr().out


def test_a_signature_by_a_subkey_that_expired_since_stays_good(
    site: Site, server: ReleaseServer, make_key: KeyMaker
) -> None:
    key = make_key("subkeyed", subkey_end="2024-01-31")
    server.release("3975.2.0", key, at="2024-01-05")
    server.set_current("3975.2.0")
    site.give_key(key.public())
    result = site.check()
    assert result.fault is None
    assert site.current() == "3975.2.0"
    (told,) = [event for event in result.events if event.kind == "key-expired"]
    assert key.signer_id in told.detail
    assert "2024-01-31" in told.detail


def test_a_release_that_was_signed_before_the_key_expired_is_mirrored(
    site: Site, server: ReleaseServer, make_key: KeyMaker
) -> None:
    """It is switched to, and an event gives the key's id and its end: https://github.com/flatcar/Flatcar/issues/826."""
    key = make_key("yearly", end="2024-01-31")
    server.release("3975.2.0", key, at="2024-01-05")
    server.set_current("3975.2.0")
    site.give_key(key.public())
    assert site.check().fault is None
    assert site.current() == "3975.2.0"
    (told,) = [event for event in site.status()["events"] if event["kind"] == "key-expired"]
    assert key.signer_id in told["detail"]
    assert "2024-01-31" in told["detail"]


def test_a_release_that_was_signed_after_the_key_expired_is_refused(
    site: Site, server: ReleaseServer, make_key: KeyMaker
) -> None:
    """What was current stays, nothing is half-done, the event gives the key's id, its end and the remedy."""
    key = make_key("yearly", end="2024-01-31")
    old_public = key.public()
    server.release("3850.2.0", key, at="2024-01-05")
    server.set_current("3850.2.0")
    site.give_key(old_public)
    assert site.check().fault is None
    key.extend("2030-01-31", at="2024-02-15")
    server.release("3975.2.0", key, at="2024-03-01")
    server.set_current("3975.2.0")
    result = site.check()
    assert_untouched(site, result, "refused")
    detail = site.status()["events"][-1]["detail"]
    assert key.signer_id in detail
    assert "2024-01-31" in detail
    assert "os.release_key" in detail
    assert site.status()["refused_total"] == 1
    site.give_key(key.public())
    assert site.check().fault is None
    assert site.current() == "3975.2.0"


def test_a_release_key_that_is_none_is_told_with_its_key_of_the_description(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    server.release("3975.2.0", key)
    server.set_current("3975.2.0")
    site.give_key(b"hello")
    assert "os.release_key" in str(site.check().fault)
    assert site.current() is None


class TestTheFamilysKey:
    """Without a key of the operator's own."""

    @pytest.fixture
    def family(self, site: Site, server: ReleaseServer, make_key: KeyMaker) -> SigningKey:
        """The family's key, published; its signing subkey ends."""
        key = make_key("family", subkey_end="2024-01-31")
        (server.folder / "key.asc").write_bytes(key.public())
        site.settings.given_key.unlink()
        server.release("3850.2.0", key)
        server.set_current("3850.2.0")
        return key

    def check(self, site: Site, fingerprint: str, path: Path = Path("key.asc")) -> Result:
        """A check with the pinned fingerprint and the key's address."""
        names = replace(NAMES, key_url=f"http://{site.server.address}/{path}", key_fingerprint=fingerprint)
        stop = threading.Event()
        return run_check(site.settings, site.os, stop, names=names, retries=QUICK, clock=lambda: datetime.now(UTC))

    def test_is_fetched_once_and_accepted_by_its_fingerprint(
        self, site: Site, server: ReleaseServer, family: SigningKey
    ) -> None:
        assert self.check(site, family.fingerprint).fault is None
        assert self.check(site, family.fingerprint).fault is None
        assert site.current() == "3850.2.0"
        assert server.paths_asked().count("/key.asc") == 1

    def test_is_refused_when_its_fingerprint_is_another(
        self, site: Site, server: ReleaseServer, family: SigningKey
    ) -> None:
        result = self.check(site, "0" * 40)
        assert result.fault is not None
        assert result.fault.kind == "refused"
        assert family.fingerprint in str(result.fault)
        assert site.current() is None

    def test_is_fetched_again_when_a_newer_subkey_signed(
        self, site: Site, server: ReleaseServer, family: SigningKey
    ) -> None:
        assert self.check(site, family.fingerprint).fault is None
        family.add_subkey("2030-01-31", at="2024-02-15")
        server.release("3975.2.0", family, at="2024-03-01")
        server.set_current("3975.2.0")
        result = self.check(site, family.fingerprint)
        assert "os.release_key" in str(result.fault)
        (server.folder / "key.asc").write_bytes(family.public())
        assert self.check(site, family.fingerprint).fault is None
        assert site.current() == "3975.2.0"

    def test_that_cannot_be_had_is_told_with_the_remedy(
        self, site: Site, server: ReleaseServer, family: SigningKey
    ) -> None:
        result = self.check(site, family.fingerprint, Path("no-such-key.asc"))
        assert "os.release_key" in str(result.fault)
        assert site.current() is None
