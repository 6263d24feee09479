"""The store as the real cloud-config server serves it, while the updater brings, switches and removes releases."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc.shared_files import origin_of
from kboot_updater.release_store import ReleaseStore
from service.cloudconfig.conftest import NODE1, NODE2, Server
from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

FIRST = "3975.2.0"
_SWITCHES = 200
_READERS = 3
_MOST_GROWTH_BYTES = 24 << 20  # one file kept at each switch would be 45 MB; threads of a busy server take some


@pytest.fixture
def cloudconfig(tmp_path: Path) -> Iterator[Server]:
    """A server whose store is empty."""
    server = Server(tmp_path / "root", "ignition")
    shutil.rmtree(server.folder.images / "stable")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def inside(tmp_path: Path, server: ReleaseServer, key: SigningKey, cloudconfig: Server) -> Site:
    """The updater of that server, which asks it what is in use."""
    site = Site(tmp_path / "site", server, key.public(), cloudconfig.folder.images)
    site.settings = replace(site.settings, bootstrapper=f"127.0.0.1:{cloudconfig.ports[0]}")
    return site


def given_release(cloudconfig: Server, script: str) -> str:
    found = re.search(r"^KBOOT_VERSION='?([0-9.]*)'?$", script, re.MULTILINE)
    assert found, cloudconfig.log.read_text()
    return found[1]


def test_a_machine_in_the_middle_of_its_install_ends_with_the_release_that_it_began_with(
    inside: Site, server: ReleaseServer, key: SigningKey, cloudconfig: Server
) -> None:
    published(server, key, FIRST)
    assert inside.check().is_done
    cloudconfig.lease(NODE1, NODE2)
    assert f"/stable/{FIRST}/" in cloudconfig.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    for version in ("4012.2.0", "4081.2.0", "4152.2.0"):
        published(server, key, version)
        assert inside.check().is_done
    assert cloudconfig.get("/v1/releases").text == f"{FIRST}\n"
    assert inside.versions() == {FIRST, "4081.2.0", "4152.2.0"}
    script = cloudconfig.get(f"/install.sh?mac={NODE1}", who=NODE1).text
    assert given_release(cloudconfig, script) == FIRST
    assert cloudconfig.get(f"/stable/{FIRST}/{NAMES.image}").status_code == 200
    assert "/stable/4152.2.0/" in cloudconfig.get(f"/boot/{NODE2}.ipxe", who=NODE2).text
    token = cloudconfig.install_token(NODE1)
    assert cloudconfig.report(NODE1, "installed", token, version=FIRST).status_code == 204
    published(server, key, "4230.2.0")
    assert inside.check().is_done
    assert inside.versions() == {"4152.2.0", "4230.2.0"}


def test_nothing_is_removed_while_the_server_does_not_say_what_is_in_use(
    inside: Site, server: ReleaseServer, key: SigningKey, cloudconfig: Server
) -> None:
    inside.settings = replace(inside.settings, bootstrapper="127.0.0.1:1")
    versions = {FIRST, "4012.2.0", "4081.2.0"}
    for version in sorted(versions):
        published(server, key, version)
        assert inside.check().is_done
    assert inside.versions() == versions
    inside.settings = replace(inside.settings, bootstrapper=f"127.0.0.1:{cloudconfig.ports[0]}")
    assert inside.check().is_done
    assert inside.versions() == {"4012.2.0", "4081.2.0"}


def bring(store: ReleaseStore, number: int) -> str:
    """A release whose files hold its number alone, as the updater brings one that it has verified."""
    version = f"{4000 + number}.0.0"
    folder = store.incoming(version)
    for name in NAMES.release_files:
        (folder / name).write_bytes(version.encode() * 40_000)
        (folder / f"{name}.sig").write_bytes(b"verified")
    store.move_into_place(version)
    store.switch(version)
    return version


def memory_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def removed_files(pid: int) -> list[str]:
    """Files that the process has open though nobody can find them any more."""
    links = [Path(f"/proc/{pid}/fd").joinpath(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()]
    targets = [str(link.readlink()) for link in links if link.is_symlink()]
    return [target for target in targets if target.endswith("(deleted)") and NAMES.image in target]


def test_readers_get_whole_files_of_one_release_through_many_switches(inside: Site, cloudconfig: Server) -> None:
    store = ReleaseStore(inside.images, "stable", NAMES.release_files, origin_of(inside.os))
    base = f"http://127.0.0.1:{cloudconfig.ports[0]}"
    bring(store, 0)
    done, mixed, counts = threading.Event(), list[str](), [0] * _READERS

    def read(number: int) -> None:
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as client:
            while not done.is_set():
                answer = client.get(f"/stable/current/{NAMES.image}")
                body = answer.content
                version = body[: body.find(b".0.0") + 4]
                if answer.status_code != 200 or body != version * 40_000:
                    mixed.append(f"{answer.status_code}, {len(body)} bytes that begin with {body[:40]!r}")
                counts[number] += 1

    readers = [threading.Thread(target=read, args=(number,)) for number in range(_READERS)]
    for reader in readers:
        reader.start()
    pid, warm = cloudconfig.server_pid(), 0
    try:
        for number in range(1, _SWITCHES + 1):
            version = bring(store, number)
            store.prune(store.surplus(2, {version}))
            before = list(counts)  # after the switch: what a reader ends next may have begun before it
            # The release before is kept for who is reading it: nobody is to be two switches late.
            for _ in looks(60, 0.002):
                if all(count > old for count, old in zip(counts, before, strict=True)):
                    break
            if number == _SWITCHES // 4:
                warm = memory_bytes(pid)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert mixed == []
    assert min(counts) >= _SWITCHES
    assert len(inside.versions()) == 2
    assert removed_files(pid) == []
    assert memory_bytes(pid) - warm < _MOST_GROWTH_BYTES
