"""What updates installed machines: brought with the release in force, or refused while that is still installed."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kboot_clusterdesc import family_of
from kboot_clusterdesc.update_payload import read_payload
from service.updater.payloads import (
    head,
    manifest,
    payload_signer,
    public_pem,
    publish_payload,
    signed_payload,
)
from service.updater.release_server import NAMES, Ill, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

VERSION = "4230.2.3"
PATH = f"/stable/amd64-usr/{VERSION}/{NAMES.payload}"


@pytest.fixture
def release(server: ReleaseServer, key: SigningKey) -> Path:
    """The folder of the channel's release at its server."""
    published(server, key, VERSION)
    return server.folder / "stable" / "amd64-usr" / VERSION


def stored(site: Site) -> Path:
    return site.images / "stable" / VERSION


def assert_offered(site: Site, release: Path) -> None:
    """The payload is what the server has, and update.json says so."""
    told = read_payload((stored(site) / "update.json").read_bytes())
    assert told.version == VERSION
    for file in told.files:
        assert (stored(site) / file.name).read_bytes() == (release / file.name).read_bytes()
    status = site.status()
    assert (status["payload"], status["payload_error"], status["payload_error_kind"]) == (VERSION, None, None)
    assert not (site.images / ".payloads").exists()


def assert_not_offered(site: Site, kind: str, *said: str) -> None:
    """The release is installed, and nobody is offered it; status and the last event say why."""
    assert site.current() == VERSION
    assert site.is_whole(VERSION)
    assert not (stored(site) / "update.json").exists()
    status = site.status()
    assert (status["error"], status["payload"], status["payload_error_kind"]) == (None, None, kind)
    assert status["payload_error"].startswith(f"release {VERSION} is not offered to installed machines: ")
    for word in said:
        assert word in status["payload_error"]
    assert (status["events"][-1]["kind"], status["events"][-1]["detail"]) == (kind, status["payload_error"])
    assert status["failed_payloads_total"] == 1
    assert status["refused_total"] == (kind == "refused")


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


def _changed(release: Path, change: Callable[[bytes], bytes], *, with_hash: bool = True) -> None:
    payload = change((release / NAMES.payload).read_bytes())
    if with_hash:
        publish_payload(release, NAMES.payload, payload)
    else:
        (release / NAMES.payload).write_bytes(payload)


def _flipped(payload: bytes) -> bytes:
    at = len(payload) // 2
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


def _unsigned(payload: bytes) -> bytes:
    told = manifest(4, None)
    return head(len(told)) + told + b"data"


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda release: _changed(release, _flipped, with_hash=False), "refused", "its SHA-256 is"),
        (lambda release: _changed(release, _flipped), "refused", "its signature does not fit"),
        (lambda release: _changed(release, lambda p: p[:-100], with_hash=False), "refused", "it is cut off after"),
        (lambda release: _changed(release, lambda p: p[:-100]), "refused", "it is cut off after"),
        (lambda release: _changed(release, lambda p: p + b"!"), "refused", "it goes on after its signatures"),
        (lambda release: _changed(release, _unsigned), "refused", "it has no signature"),
        (
            lambda release: _changed(release, lambda p: signed_payload(b"data", version=1)),
            "refused",
            "it has no signature of version 2",
        ),
        (
            lambda release: _changed(release, lambda p: signed_payload(b"data", payload_signer("stranger"))),
            "refused",
            "another key signed it; `os.update.payload_key` in the description gives another key",
        ),
        (
            lambda release: (release / f"{NAMES.payload}.sha256").write_text("0" * 64),
            "refused",
            f"says {'0' * 64}",
        ),
        (
            lambda release: (release / f"{NAMES.payload}.sha256").write_text("none"),
            "not-the-file",
            "does not say the SHA-256",
        ),
        (lambda release: _changed(release, lambda p: b"<html>sign in"), "not-the-file", "answered with a web page"),
        (lambda release: _changed(release, lambda p: b"\x1f\x8b" + p), "not-the-file", "is no update payload"),
        (lambda release: _changed(release, lambda p: b""), "not-the-file", "is empty"),
        (lambda release: (release / NAMES.payload).unlink(), "not-there", "is not there (HTTP 404)"),
        (lambda release: (release / f"{NAMES.payload}.sha256").unlink(), "not-there", "is not there (HTTP 404)"),
    ],
    ids=[
        "a byte flipped",
        "a byte flipped, the hash as well",
        "cut",
        "cut, the hash as well",
        "longer",
        "not signed",
        "signed for other clients",
        "another key",
        "another hash",
        "no hash",
        "a page",
        "another file",
        "empty",
        "not there",
        "its hash not there",
    ],
)
def test_a_payload_that_is_none_leaves_the_release_installed_and_offered_to_nobody(
    site: Site, release: Path, change: Callable[[Path], object], kind: str, said: str
) -> None:
    good = {name: (release / name).read_bytes() for name in (NAMES.payload, f"{NAMES.payload}.sha256")}
    change(release)
    result = site.check()
    assert result.fault is None
    assert not result.is_done
    assert_not_offered(site, kind, NAMES.payload, said)
    for name, content in good.items():
        (release / name).write_bytes(content)
    assert site.check().is_done
    assert_offered(site, release)


@pytest.mark.parametrize(
    ("ill", "kind", "said"),
    [
        (Ill(page=b"<html>sign in</html>"), "not-the-file", "answered with a web page"),
        (Ill(status=503), "unreachable", "the server answers HTTP 503"),
        (Ill(status=403), "not-there", "is not given to us"),
        (Ill(announced_more=100), "unreachable", "peer closed connection"),
        (Ill(without_length=True), "not-the-file", "does not say how long it is"),
    ],
    ids=["a page", "busy", "forbidden", "broken off", "no length"],
)
def test_an_answer_that_brings_no_payload_is_told(
    site: Site, release: Path, server: ReleaseServer, ill: Ill, kind: str, said: str
) -> None:
    server.ills[f"{VERSION}/{NAMES.payload}"] = ill
    assert site.check().fault is None
    assert_not_offered(site, kind, said)


def test_a_download_that_broke_off_goes_on_where_it_stopped(site: Site, release: Path, server: ReleaseServer) -> None:
    server.ills[f"{VERSION}/{NAMES.payload}"] = Ill(times=1, cut_after=100_000)
    assert site.check().is_done
    assert_offered(site, release)
    assert server.sent[PATH] == (release / NAMES.payload).stat().st_size


def test_a_key_of_another_kind_is_told_with_its_key_of_the_description(site: Site, release: Path) -> None:
    site.settings.given_payload_key.write_bytes(b"none")
    assert site.check().fault is None
    assert_not_offered(site, "refused", "the key of `os.update.payload_key` is refused")


def test_the_familys_key_refuses_what_another_signed(site: Site, release: Path) -> None:
    site.settings.given_payload_key.unlink()
    assert family_of(site.os.family).payload_key is not None
    assert site.check().fault is None
    assert_not_offered(site, "refused", "another key signed it")


def test_the_server_is_asked_again_once_the_operator_gave_the_right_key(site: Site, release: Path) -> None:
    site.settings.given_payload_key.write_bytes(public_pem(payload_signer("stranger")))
    assert site.check().payload_fault is not None
    site.settings.given_payload_key.write_bytes(public_pem(payload_signer()))
    assert site.check().is_done
    assert_offered(site, release)


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
    _changed(stored(site), _flipped)
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


def test_a_disk_that_fills_up_leaves_the_release_installed_and_no_half_payload(site: Site, release: Path) -> None:
    """The limit of a file's size stands for the disk: write() stops short and fails in the same way."""
    publish_payload(release, NAMES.payload, signed_payload(bytes(600_000)))
    limited = (
        "import resource, runpy, sys; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY)); "
        "sys.argv = ['kboot_updater', 'check']; runpy.run_module('kboot_updater', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited], env=site.environ, capture_output=True, text=True, check=False
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 0
    assert "no room" in done.stderr
    assert_not_offered(site, "disk-full", "no room", "os.update.keep")
    assert not (site.images / ".payloads").exists()
    assert site.check().is_done
    assert_offered(site, release)
