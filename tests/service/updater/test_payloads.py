"""What updates installed machines comes with the release in force, from a server or by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

from kboot_clusterdesc.update_payload import read_payload
from service.updater.payload_site import VERSION, assert_offered, change_payload, flip_byte, stored
from service.updater.payloads import publish_payload, signed_payload
from service.updater.release_server import NAMES, Ill, ReleaseServer
from service.updater.site import Site

PATH = f"/stable/amd64-usr/{VERSION}/{NAMES.payload}"


def test_the_payload_comes_with_the_release_in_force(site: Site, release: Path, server: ReleaseServer) -> None:
    result = site.check()
    assert result.is_done
    assert_offered(site, release)
    assert [event["kind"] for event in site.status()["events"]] == ["mirrored", "switched", "payload"]
    server.forget()
    assert site.check().is_done
    assert server.paths_asked() == [
        "/stable/amd64-usr/current/version.txt",
        "/stable/amd64-usr/current/version.txt.sig",
    ]


def test_payloads_of_the_extensions_come_with_it(site: Site, release: Path) -> None:
    publish_payload(release, "flatcar-zfs.gz", signed_payload(b"zfs"))
    site.describe(update={"extensions": ["zfs"]})
    assert site.check().is_done
    assert_offered(site, release)
    told = read_payload((stored(site) / "update.json").read_bytes())
    assert [file.name for file in told.files] == [NAMES.payload, "flatcar-zfs.gz"]


def test_an_extension_that_is_described_later_is_brought_alone(
    site: Site, release: Path, server: ReleaseServer
) -> None:
    assert site.check().is_done
    server.forget()
    site.describe(update={"extensions": ["zfs"]})
    assert site.check().payload_fault is not None
    assert site.status()["payload"] is None
    publish_payload(release, "flatcar-zfs.gz", signed_payload(b"zfs"))
    assert site.check().is_done
    assert_offered(site, release)
    assert PATH not in server.paths_asked()


def test_none_is_asked_for_where_machines_are_not_to_be_updated(
    site: Site, release: Path, server: ReleaseServer
) -> None:
    site.describe(update={"enabled": False})
    assert site.check().is_done
    assert site.current() == VERSION
    assert site.status()["payload"] is None
    assert not any("update" in path for path in server.paths_asked())


def test_it_comes_from_a_server_of_its_own_where_the_description_names_one(
    site: Site, release: Path, server: ReleaseServer
) -> None:
    elsewhere = server.folder / "payloads" / "amd64-usr" / VERSION
    elsewhere.mkdir(parents=True)
    for name in (NAMES.payload, f"{NAMES.payload}.sha256"):
        (release / name).rename(elsewhere / name)
    site.describe(update={"payload_url": f"http://{server.address}/payloads/{{board}}"})
    assert site.check().is_done
    assert_offered(site, elsewhere)


def test_a_download_that_broke_off_goes_on_where_it_stopped(site: Site, release: Path, server: ReleaseServer) -> None:
    server.ills[f"{VERSION}/{NAMES.payload}"] = Ill(times=1, cut_after=100_000)
    assert site.check().is_done
    assert_offered(site, release)
    assert server.sent[PATH] == (release / NAMES.payload).stat().st_size


def test_a_payload_that_was_brought_by_hand_is_verified_and_not_fetched(
    site: Site, release: Path, server: ReleaseServer
) -> None:
    shutil.copytree(release, stored(site))
    site.describe(version=VERSION)
    assert site.check().is_done
    assert_offered(site, release)
    assert server.asked == []


def test_one_that_was_brought_by_hand_and_is_none_is_told_and_replaced(site: Site, release: Path) -> None:
    shutil.copytree(release, stored(site))
    change_payload(stored(site), flip_byte)
    site.describe(version=VERSION)
    assert site.check().is_done
    assert_offered(site, release)
    (told,) = [event["detail"] for event in site.status()["events"] if event["kind"] == "refused"]
    assert told.startswith(f"the copy in the store of release {VERSION} is not taken: {NAMES.payload} is refused")


def test_the_payload_of_the_release_in_force_is_brought_though_the_channel_is_out_of_reach(
    site: Site, release: Path, server: ReleaseServer
) -> None:
    server.ills[f"{VERSION}/{NAMES.payload}"] = Ill(status=404, times=1)
    assert site.check().payload_fault is not None
    server.ills["current/version.txt"] = Ill(status=503)
    assert site.check().fault is not None
    assert site.status()["payload"] == VERSION


def test_a_payload_that_was_damaged_in_the_store_is_brought_again(site: Site, release: Path) -> None:
    assert site.check().is_done
    (stored(site) / NAMES.payload).write_bytes(b"cut")
    assert site.check().is_done
    assert_offered(site, release)
