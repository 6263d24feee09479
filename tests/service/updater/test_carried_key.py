"""The key that vouches for releases: from the store of one updater, in a bundle, to one that asks nobody for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kboot.bundle.collect.collected import Collected
from kboot.bundle.collect.release_key import collect_release_key, key_folders
from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Item
from kboot.supplies.release_keys import kept_key, place_release_key
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterDesc, FamilyNames, load_text
from kboot_updater.check import run_check
from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey
from service.updater.site import QUICK, Site
from support.bundles import manifest_of
from unit.clusterdesc.sample import SAMPLE

DESC: ClusterDesc = load_text(SAMPLE, "ail.yaml")


@pytest.fixture
def aged() -> Iterator[SigningKey]:
    """A key of a family, which a test may renew."""
    key = SigningKey("family", end="2024-06-30")
    yield key
    key.close()


def named(key: SigningKey, url: str = "http://127.0.0.1:9/key.asc") -> FamilyNames:
    """Flatcar's names, with this key as the family's, which is to be had nowhere."""
    return replace(NAMES, key_fingerprint=key.fingerprint, key_url=url)


def carried(
    store: SupplyStore, collected: Collected, folders: list[Path], key: SigningKey, own: bytes | None = None
) -> Item:
    """Take the key into a bundle, and the bundle into a store."""
    item = collect_release_key(DESC, own, folders, collected, print, named(key))
    assert item is not None
    store.incoming.mkdir(parents=True, exist_ok=True)
    arrived = store.incoming / item.digest.removeprefix("sha256:")
    arrived.write_bytes(collected.path(item.contents[0]).read_bytes())
    store.publish(manifest_of(item), [arrived])
    return item


def test_the_familys_key_goes_in_a_bundle_to_an_updater_that_cannot_fetch_it(
    tmp_path: Path, server: ReleaseServer, key: SigningKey
) -> None:
    (server.folder / "key.asc").write_bytes(key.public())
    server.release("3975.2.0", key)
    outside = Site(tmp_path / "outside", server, b"", tmp_path / "root" / "ail" / "images")
    outside.settings.given_key.unlink()
    outside.describe(version="3975.2.0")
    names = named(key, f"http://{server.address}/key.asc")
    assert run_check(outside.settings, outside.os, threading.Event(), names=names, retries=QUICK).fault is None

    store, cache = SupplyStore(tmp_path / "inside"), tmp_path / "cache"
    item = carried(store, Collected(cache), key_folders([], tmp_path / "root", cache), key)
    assert (item.name, item.path) == (
        f"release-key-{key.fingerprint}.asc",
        f"flatcar/release-key-{key.fingerprint}.asc",
    )

    inside = Site(tmp_path / "site", server, b"")
    inside.settings.given_key.unlink()
    inside.describe(version="3975.2.0")
    brought = inside.images / "stable" / "3975.2.0"
    brought.parent.mkdir()
    (outside.images / "stable" / "3975.2.0").rename(brought)
    (brought / ".origin").unlink()
    result = run_check(inside.settings, inside.os, threading.Event(), names=named(key), retries=QUICK)
    assert "the release key is missing" in str(result.fault)
    assert place_release_key(store, inside.images, key.fingerprint)
    assert run_check(inside.settings, inside.os, threading.Event(), names=named(key), retries=QUICK).fault is None
    assert inside.current() == "3975.2.0"


def test_a_renewed_key_takes_the_place_of_the_old_one_and_never_the_other_way(tmp_path: Path, aged: SigningKey) -> None:
    images, store, collected = tmp_path / "images", SupplyStore(tmp_path), Collected(tmp_path / "cache")
    release = tmp_path / "given" / "stable" / "3975.2.0"
    release.mkdir(parents=True)
    old = aged.public()
    (release / f"release-key-{aged.fingerprint}.asc").write_bytes(old)
    carried(store, collected, key_folders([release], tmp_path / "none", tmp_path / "cache"), aged)
    assert place_release_key(store, images, aged.fingerprint)
    assert not place_release_key(store, images, aged.fingerprint)
    aged.extend("2030-01-31", at="2024-06-01")
    (tmp_path / "given" / f".release-key-{aged.fingerprint}.asc").write_bytes(aged.public())
    carried(store, collected, key_folders([release], tmp_path / "none", tmp_path / "cache"), aged)
    assert place_release_key(store, images, aged.fingerprint)
    assert kept_key(images, aged.fingerprint) == aged.public()
    assert not place_release_key(store, images, aged.fingerprint)  # the first bundle still has the old one


def test_another_key_under_the_familys_name_is_not_carried_and_what_lacks_is_said(
    tmp_path: Path, key: SigningKey, aged: SigningKey
) -> None:
    (tmp_path / f"release-key-{aged.fingerprint}.asc").write_bytes(key.public())
    said: list[str] = []
    assert collect_release_key(DESC, None, [tmp_path], Collected(tmp_path), said.append, named(aged)) is None
    assert said == [
        f"the release key {aged.fingerprint} of flatcar is not here, so it is not in the bundle:"
        f" put release-key-{aged.fingerprint}.asc beside the release, or give it as `os.release_key`"
    ]


def test_the_operators_own_key_is_carried_under_its_fingerprint_and_put_in_no_store(
    tmp_path: Path, key: SigningKey, aged: SigningKey
) -> None:
    store = SupplyStore(tmp_path)
    item = carried(store, Collected(tmp_path / "cache"), [], aged, own=key.public())
    assert (item.name, item.source) == (f"release-key-{key.fingerprint}.asc", "os.release_key of ail")
    assert not place_release_key(store, tmp_path / "images", aged.fingerprint)
    assert not (tmp_path / "images").exists()


def test_an_own_key_that_is_none_is_refused(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(BadInput, match=r"the key of `os\.release_key` is of no use: it is no OpenPGP key"):
        collect_release_key(DESC, b"none", [], Collected(tmp_path), print, named(key))
