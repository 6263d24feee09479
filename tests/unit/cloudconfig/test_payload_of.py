"""What the server may offer to installed machines: payloads that the updater verified and that are whole now."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1, sha256
from pathlib import Path

import pytest

from kboot_cloudconfig.releases import payload_of
from kboot_clusterdesc import ClusterDesc, family_of
from kboot_clusterdesc.shared_files import ORIGIN, UPDATE, origin_of
from kboot_clusterdesc.update_payload import PayloadFile, UpdatePayload, payload_names, write_payload
from unit.clusterdesc.sample import accepted, os

VERSION = "4230.2.3"


def described(update: str = "{}") -> ClusterDesc:
    return accepted(os(f"update: {update}"))


def put_payloads(folder: Path, *names: str) -> UpdatePayload:
    """Files in the folder of a release, and the update.json that the updater writes of them."""
    files = []
    for name in names:
        data = f"payload {name}".encode()
        (folder / name).write_bytes(data)
        hashes = (sha1(data, usedforsecurity=False), sha256(data))
        files.append(PayloadFile(name, len(data), *(b64encode(each.digest()).decode() for each in hashes)))
    payload = UpdatePayload(VERSION, tuple(files))
    (folder / UPDATE).write_text(write_payload(payload))
    return payload


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mirrored release."""
    desc = described()
    names = family_of(desc.os.family)
    folder = tmp_path / desc.os.channel / VERSION
    folder.mkdir(parents=True)
    for name in (names.kernel, names.initrd, names.image):
        (folder / name).write_bytes(b"a file of the release")
    (folder / ORIGIN).write_text(f"{origin_of(desc.os)}\n")
    return folder


def test_payloads_are_offered_once_all_that_machines_need_are_whole(folder: Path, tmp_path: Path) -> None:
    desc = described("{extensions: [zfs]}")
    assert payload_of(tmp_path, desc, VERSION) is None
    put_payloads(folder, *payload_names(desc.os)[:1])
    assert payload_of(tmp_path, desc, VERSION) is None
    payload = put_payloads(folder, *payload_names(desc.os))
    assert payload_of(tmp_path, desc, VERSION) == payload


def test_a_payload_that_nobody_asks_for_any_more_is_not_offered(folder: Path, tmp_path: Path) -> None:
    payload = put_payloads(folder, *payload_names(described("{extensions: [zfs]}").os))
    assert payload_of(tmp_path, described(), VERSION) == UpdatePayload(VERSION, payload.files[:1])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "flatcar_production_update.gz").write_bytes(b"cut"),
        lambda folder: (folder / "flatcar_production_update.gz").unlink(),
        lambda folder: (folder / UPDATE).write_text("{"),
        lambda folder: (folder / UPDATE).write_text((folder / UPDATE).read_text().replace(VERSION, "4230.2.4")),
        lambda folder: (folder / ORIGIN).write_text("flatcar arm64-usr\n"),
        lambda folder: (folder / "flatcar_production_image.bin.bz2").unlink(),
    ],
    ids=["cut", "gone", "half written", "of another release", "of another board", "release not whole"],
)
def test_what_is_not_whole_here_is_not_offered(folder: Path, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    desc = described()
    put_payloads(folder, *payload_names(desc.os))
    assert payload_of(tmp_path, desc, VERSION) is not None
    spoil(folder)
    assert payload_of(tmp_path, desc, VERSION) is None


def test_nothing_is_offered_where_machines_are_not_to_be_updated(folder: Path, tmp_path: Path) -> None:
    put_payloads(folder, *payload_names(described().os))
    assert payload_of(tmp_path, described("{enabled: false}"), VERSION) is None
