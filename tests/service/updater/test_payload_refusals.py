"""A payload that is none, or that none can be had of: the release is installed all the same, and offered to nobody."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kboot_clusterdesc import family_of
from service.updater.payload_site import (
    VERSION,
    assert_not_offered,
    assert_offered,
    change_payload,
    flip_byte,
)
from service.updater.payloads import head, manifest, payload_signer, public_pem, publish_payload, signed_payload
from service.updater.release_server import NAMES, Ill, ReleaseServer
from service.updater.site import Site


def _unsigned(payload: bytes) -> bytes:
    told = manifest(4, None)
    return head(len(told)) + told + b"data"


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda release: change_payload(release, flip_byte, with_hash=False), "refused", "its SHA-256 is"),
        (lambda release: change_payload(release, flip_byte), "refused", "its signature does not fit"),
        (
            lambda release: change_payload(release, lambda p: p[:-100], with_hash=False),
            "refused",
            "it is cut off after",
        ),
        (lambda release: change_payload(release, lambda p: p[:-100]), "refused", "cut off after"),
        (lambda release: change_payload(release, lambda p: p + b"!"), "refused", "it goes on after its signatures"),
        (lambda release: change_payload(release, _unsigned), "refused", "it has no signature"),
        (
            lambda release: change_payload(release, lambda p: signed_payload(b"data", version=1)),
            "refused",
            "it has no signature of version 2",
        ),
        (
            lambda release: change_payload(release, lambda p: signed_payload(b"data", payload_signer("stranger"))),
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
        (
            lambda release: change_payload(release, lambda p: b"<html>sign in"),
            "not-the-file",
            "answered with a web page",
        ),
        (lambda release: change_payload(release, lambda p: b"\x1f\x8b" + p), "not-the-file", "is no update payload"),
        (lambda release: change_payload(release, lambda p: b""), "not-the-file", "is empty"),
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
        (Ill(page=b"<html>sign in</html>"), "not-the-file", "with a web page"),
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
