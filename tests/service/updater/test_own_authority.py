"""A release server whose certificate is of the site's own CA: `os.release_ca` names that."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.issue import issue
from kboot_clusterdesc import ClusterFolder, load_text
from service.updater.release_server import ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site
from support.certificates import write_pair
from unit.clusterdesc.sample import SAMPLE


@pytest.fixture
def authority(tmp_path: Path, server: ReleaseServer) -> bytes:
    """The CA; the release server answers over TLS from now on, with a certificate of it."""
    server.stop()
    folder = ClusterFolder(tmp_path / "root", "ail")
    folder.path.mkdir(parents=True)
    secrets = load_or_create(folder, load_text(SAMPLE, "site.yaml"), datetime.now(UTC))
    subject = Subject("releases", server=True, names=("localhost",), addresses=(IPv4Address("127.0.0.1"),))
    pair = write_pair(tmp_path, "server", issue(secrets.authority, subject, datetime.now(UTC), SERVER_LIFE))
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.tls.load_cert_chain(pair, pair.with_suffix(".key"))
    server.start()
    return secrets.authority.certificate


def test_its_releases_and_payloads_are_taken(
    site: Site, server: ReleaseServer, key: SigningKey, authority: bytes
) -> None:
    published(server, key, "3975.2.0")
    site.settings.given_authority.write_bytes(authority)
    site.describe()
    assert site.check().is_done
    assert (site.current(), site.status()["payload"]) == ("3975.2.0", "3975.2.0")


def test_without_it_nothing_is_taken_and_the_reason_told(
    site: Site, server: ReleaseServer, key: SigningKey, authority: bytes
) -> None:
    published(server, key, "3975.2.0")
    site.describe()
    assert "certificate verify failed" in str(site.check().fault)
    assert site.current() is None


def test_a_ca_that_is_none_is_told_with_its_key_of_the_description(
    site: Site, server: ReleaseServer, key: SigningKey, authority: bytes
) -> None:
    published(server, key, "3975.2.0")
    site.settings.given_authority.write_bytes(b"none")
    site.describe()
    assert "the CA of `os.release_ca` cannot be read" in str(site.check().fault)
