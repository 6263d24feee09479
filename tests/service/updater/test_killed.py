"""A check that is killed, at a hundred moments from its first change of the disk to its last."""

from __future__ import annotations

import json
import shutil

from kboot_clusterdesc.update_payload import read_payload
from service.updater.release_server import NAMES, ReleaseServer
from service.updater.signing import SigningKey
from service.updater.site import Site
from support.killed import kill_at, moments

OLD, NEW = "3850.2.0", "3975.2.0"
_KILLED = 100
_COMPLETED_EACH = 10


def go_back(site: Site, server: ReleaseServer) -> None:
    """The store as it was with the older release, and nothing of the newer one."""
    server.set_current(OLD)
    for name in (".incoming", ".payloads"):
        shutil.rmtree(site.images / name, ignore_errors=True)
    shutil.rmtree(site.images / "stable" / NEW, ignore_errors=True)
    link = site.images / "stable" / "again"
    link.symlink_to(OLD)
    link.replace(site.images / "stable" / "current")
    server.set_current(NEW)


def assert_consistent(site: Site, server: ReleaseServer) -> None:
    """What is in force is whole, and what is offered is what the server published."""
    current = site.current()
    assert current in (OLD, NEW)
    assert site.is_whole(current)
    assert (site.images / "stable" / current / ".origin").exists()
    json.loads(site.settings.status.read_text())
    for version in site.versions():
        folder = site.images / "stable" / version
        if (folder / ".origin").exists():
            assert site.is_whole(version)
        if (folder / "update.json").exists():
            for file in read_payload((folder / "update.json").read_bytes()).files:
                published_file = server.folder / "stable" / "amd64-usr" / version / file.name
                assert (folder / file.name).read_bytes() == published_file.read_bytes()


def test_a_check_that_is_killed_at_any_moment_leaves_a_store_that_is_consistent(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    for version in (OLD, NEW):
        server.release(version, key, size=100_000)
    server.set_current(OLD)
    assert site.check().is_done
    go_back(site, server)
    at = moments(site.check, _KILLED)
    assert site.current() == NEW
    killed = 0
    for number, change in enumerate(at):
        go_back(site, server)
        killed += kill_at(site.check, change) == 0
        assert_consistent(site, server)
        if number % _COMPLETED_EACH == 0:
            assert site.check().is_done
            assert site.current() == NEW
            assert site.status()["payload"] == NEW
            assert_consistent(site, server)
            assert not (site.images / ".payloads").exists()
            assert site.incoming() == []
    assert killed > _KILLED * 0.9  # a run that came in larger pieces has made fewer changes
    assert NAMES.payload in {path.name for path in (site.images / "stable" / OLD).iterdir()}
