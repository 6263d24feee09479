"""Pairs on disk: what a crash or a lost file leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot.errors import KbootError
from kboot.pki import KeyPair
from kboot.pki.certificate import end_of, fits, is_whole
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import AUTHORITY_LIFE, MACHINE_LIFE, SERVER_LIFE
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.issue import issue, new_authority
from kboot.pki.store.secret_store import SecretStore
from kboot_clusterdesc import ClusterFolder
from unit.clusterdesc.sample import SAMPLE, accepted

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SUBJECT = Subject("server", server=True, names=("server.example.com",))


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path, "ail")


@pytest.fixture
def store(folder: ClusterFolder) -> SecretStore:
    return SecretStore(folder)


@pytest.fixture
def authority(store: SecretStore) -> KeyPair:
    return store.authority("ca", "a CA", "ail", NOW)


def test_what_is_made_together_is_kept_at_the_end_and_read_back(
    folder: ClusterFolder, store: SecretStore, authority: KeyPair
) -> None:
    with store.together():
        made = {f"nodes/{i}": store.leaf(f"nodes/{i}", authority, SUBJECT, NOW, MACHINE_LIFE) for i in range(12)}
        text = store.text("nodes/token", lambda: "a token")
        assert not any((folder.pki / "nodes").iterdir())
    assert text == SecretStore(folder).text("nodes/token", lambda: "another")
    again = {name: SecretStore(folder).leaf(name, authority, SUBJECT, NOW, MACHINE_LIFE) for name in made}
    assert again == made
    assert {path.stat().st_mode & 0o777 for path in (folder.pki / "nodes").glob("*.key")} == {0o600}


def test_nothing_is_kept_of_what_was_made_together_where_that_failed(
    folder: ClusterFolder, store: SecretStore, authority: KeyPair
) -> None:
    def make() -> None:
        with store.together():
            store.text("token", lambda: "a token")
            store.text("other", lambda: str(1 // 0))

    with pytest.raises(ZeroDivisionError):
        make()
    assert not (folder.pki / "token").exists()
    assert store.text("token", lambda: "another") == "another"


@pytest.mark.parametrize("torn", ["key", "pem"])
def test_a_pair_of_which_one_half_is_another_is_made_anew(
    folder: ClusterFolder, store: SecretStore, authority: KeyPair, torn: str
) -> None:
    first = store.leaf("server", authority, SUBJECT, NOW, MACHINE_LIFE)
    half = (folder.pki / f"server.{torn}").read_bytes()
    store.renew("server", authority, SUBJECT, NOW, MACHINE_LIFE)
    (folder.pki / f"server.{torn}").write_bytes(half)  # as a crash between the two writes leaves it
    after = store.leaf("server", authority, SUBJECT, NOW, MACHINE_LIFE)
    assert fits(after, authority, SUBJECT)
    assert after.key != first.key


@pytest.mark.parametrize("damaged", ["server.key", "server.pem"])
@pytest.mark.parametrize("content", [None, b"", b"not PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_leaf_that_is_lost_or_damaged_is_made_anew(
    folder: ClusterFolder, store: SecretStore, authority: KeyPair, damaged: str, content: bytes | None
) -> None:
    first = store.leaf("server", authority, SUBJECT, NOW, MACHINE_LIFE)
    (folder.pki / damaged).unlink()
    if content is not None:
        (folder.pki / damaged).write_bytes(content)
    after = store.leaf("server", authority, SUBJECT, NOW, MACHINE_LIFE)
    assert after != first
    assert fits(after, authority, SUBJECT)


@pytest.mark.parametrize(
    "other",
    [
        Subject("other", server=True, names=("server.example.com",)),
        Subject("server", ("group",), server=True, names=("server.example.com",)),
        Subject("server", client=True, names=("server.example.com",)),
        Subject("server", server=True, client=True, names=("server.example.com",)),
        Subject("server", server=True),
    ],
)
def test_a_leaf_of_another_subject_does_not_fit(authority: KeyPair, other: Subject) -> None:
    pair = issue(authority, other, NOW, MACHINE_LIFE)
    assert fits(pair, authority, other)
    assert not fits(pair, authority, SUBJECT)


def test_a_leaf_of_another_authority_of_the_same_name_does_not_fit(authority: KeyPair) -> None:
    pair = issue(new_authority("a CA", NOW, ["ail"]), SUBJECT, NOW, MACHINE_LIFE)
    assert not fits(pair, authority, SUBJECT)


@pytest.mark.parametrize(("name", "ending"), [("kubernetes-ca", "pem"), ("service-account", "pub")])
def test_no_authority_is_made_in_place_of_one_whose_key_is_lost_or_another(
    folder: ClusterFolder, name: str, ending: str
) -> None:
    desc = accepted(SAMPLE)
    load_or_create(folder, desc, NOW)
    key = folder.pki / f"{name}.key"
    kept = key.read_bytes()
    key.write_bytes((folder.pki / "etcd-ca.key").read_bytes())
    with pytest.raises(KbootError, match=f"is not the key of {name}.{ending}"):
        load_or_create(folder, desc, NOW)
    key.unlink()
    with pytest.raises(KbootError, match="is missing"):
        load_or_create(folder, desc, NOW)
    key.write_bytes(kept)
    load_or_create(folder, desc, NOW)


def test_an_authority_whose_making_was_cut_short_is_made(folder: ClusterFolder, store: SecretStore) -> None:
    first = store.authority("new-ca", "a CA", "ail", NOW)
    (folder.pki / "new-ca.pem").unlink()  # written last
    after = store.authority("new-ca", "a CA", "ail", NOW)
    assert after != first
    assert is_whole(after)


def test_no_certificate_outlives_its_authority_or_is_renewed_for_that(store: SecretStore, authority: KeyPair) -> None:
    late = NOW + AUTHORITY_LIFE - timedelta(days=30)
    pair = store.leaf("own", authority, SUBJECT, late, SERVER_LIFE, timedelta(days=90))
    assert end_of(pair) == NOW + AUTHORITY_LIFE
    again = store.leaf("own", authority, SUBJECT, late + timedelta(days=1), SERVER_LIFE, timedelta(days=90))
    assert again == pair


def test_an_authority_that_has_ended_issues_nothing(store: SecretStore, authority: KeyPair) -> None:
    with pytest.raises(KbootError, match="the authority `CN=a CA,O=ail` ended 2039-12-30"):
        store.leaf("own", authority, SUBJECT, NOW + AUTHORITY_LIFE, SERVER_LIFE)


def test_nothing_is_issued_by_a_clock_that_stands_before_the_authority_was_made(
    store: SecretStore, authority: KeyPair
) -> None:
    past = NOW - timedelta(days=4000)
    with pytest.raises(KbootError, match=r"the clock of this machine stands at .*, before the authority .* was made"):
        store.leaf("new", authority, SUBJECT, past, MACHINE_LIFE)
    kept = store.leaf("old", authority, SUBJECT, NOW, MACHINE_LIFE)
    assert store.leaf("old", authority, SUBJECT, past, MACHINE_LIFE) == kept
