"""A release that `kboot up` places out of a loaded bundle, and the updater that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.os_releases import place_release
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterFolder, load_text
from service.updater.release_server import ReleaseServer
from service.updater.signing import SigningKey
from service.updater.site import Site
from support.bundles import digest_of, file_item, manifest_of


@pytest.mark.parametrize("version", ["current", "3975.2.0"])
def test_it_is_verified_and_put_in_force_and_no_server_is_asked(
    tmp_path: Path, server: ReleaseServer, key: SigningKey, version: str
) -> None:
    folder = ClusterFolder(tmp_path / "root", "ail")
    site = Site(tmp_path / "site", server, key.public(), folder.images)
    site.describe(version=version)
    store = SupplyStore(folder.root)
    store.incoming.mkdir(parents=True)
    files = {path.name: path.read_bytes() for path in server.release("3975.2.0", key).iterdir()}
    for content in files.values():
        (store.incoming / digest_of(content)[7:]).write_bytes(content)
    place = "flatcar/stable/amd64-usr/3975.2.0"
    items = [file_item(content, f"{place}/{name}", Kind.OS_FILE, version="3975.2.0") for name, content in files.items()]
    store.publish(manifest_of(*items), list(store.incoming.iterdir()))
    desc = load_text(site.settings.description.read_text(), "clusterdesc.yaml")
    assert place_release(folder, desc, lambda _: None)
    assert site.check().fault is None
    assert (site.current(), site.kinds(), server.asked) == ("3975.2.0", ["mirrored", "switched"], [])
    assert not place_release(folder, desc, lambda _: None)
