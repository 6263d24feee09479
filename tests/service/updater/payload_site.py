"""What is seen of a release's payload in a site's store: that it is offered, or why nobody is offered it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kboot_clusterdesc.update_payload import read_payload
from service.updater.payloads import publish_payload
from service.updater.release_server import NAMES
from service.updater.site import Site

VERSION = "4230.2.3"


def stored(site: Site) -> Path:
    """The folder of the release in the store."""
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


def change_payload(release: Path, change: Callable[[bytes], bytes], *, with_hash: bool = True) -> None:
    """Change a payload where it lies, and the hash that is told of it."""
    payload = change((release / NAMES.payload).read_bytes())
    if with_hash:
        publish_payload(release, NAMES.payload, payload)
    else:
        (release / NAMES.payload).write_bytes(payload)


def flip_byte(payload: bytes) -> bytes:
    """A payload with one bit of its data the other way."""
    at = len(payload) // 2
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
