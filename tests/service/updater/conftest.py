"""A release server, a store, and the keys that sign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.updater.payload_site import VERSION
from service.updater.release_server import ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site


@pytest.fixture(scope="session")
def key() -> Iterator[SigningKey]:
    """The release key of these tests; it does not end."""
    key = SigningKey("release")
    yield key
    key.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReleaseServer]:
    """A release server on loopback, with nothing published."""
    server = ReleaseServer(tmp_path / "upstream")
    server.folder.mkdir()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def release(server: ReleaseServer, key: SigningKey) -> Path:
    """The folder of the channel's release at its server, with its payload."""
    published(server, key, VERSION)
    return server.folder / "stable" / "amd64-usr" / VERSION


@pytest.fixture
def site(tmp_path: Path, server: ReleaseServer, key: SigningKey) -> Site:
    """An updater's folders, whose description names that server and that key."""
    return Site(tmp_path / "site", server, key.public())
