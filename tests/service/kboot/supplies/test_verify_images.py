"""`kboot images verify` against the real registry: what a pull would find in each blob, to its last byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.supplies.registry import Registry
from kboot.supplies.standing import Standing
from support.image_archives import digest_of
from support.real_registry import RealRegistry, image_of, index_of, real_registry

_PAUSE, _LIST, _OTHER = "registry.k8s.io/pause:3.10", "quay.io/tool/two:1", "quay.io/tool/other:1"
_SHARED = b"a layer of several images" * 100_000


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """One with an image, a list of two architectures and another image."""
    with real_registry(tmp_path, "svc-verify", "127.77.22.253") as made:
        ours, theirs = image_of(_SHARED, b"ours"), image_of(b"theirs")
        made.push(_PAUSE, image_of(_SHARED, b"new"))
        for number, part in enumerate((ours, theirs)):
            made.push(f"quay.io/tool/two:part{number}", part)
        made.push(_LIST, index_of(amd64=ours, arm64=theirs))
        made.push(_OTHER, image_of(b"other"))
        yield made


def _verify(registry: RealRegistry, *references: str) -> int:
    return run(["images", "verify", *references, "--root", str(registry.folder.root)])


def _data(registry: RealRegistry, blob: bytes) -> Path:
    """Where the registry keeps it."""
    hash_ = digest_of(blob).removeprefix("sha256:")
    return registry.folder.registry / "docker/registry/v2/blobs/sha256" / hash_[:2] / hash_ / "data"


def _spoil(path: Path) -> None:
    """Change one byte in its midst, as a disk may."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_images_are_read_to_their_end(registry: RealRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(registry, _PAUSE, _LIST, _OTHER) == 0
    assert capsys.readouterr() == ("", "3 of 3 images are there and whole\n")


def test_a_blob_of_other_bytes_is_named_at_each_image_and_brought_anew_as_the_documents_have_it(
    registry: RealRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _data(registry, _SHARED)
    _spoil(data)
    found = digest_of(data.read_bytes())
    with Registry(registry.folder, registry.desc) as client:
        assert client.look(_PAUSE).standing is Standing.OK  # its size is the same
    assert _verify(registry, _PAUSE, _LIST, _OTHER) == 1
    out, err = capsys.readouterr()
    fault = f"layer {digest_of(_SHARED)}: its bytes are {found}"
    assert out == f"wrong    {_PAUSE}: {fault}\nwrong    {_LIST}: {fault}\n"
    hint = "  hint: docs/registry.md: Is it whole? says how an image is brought anew\n"
    assert err == f"1 of 3 images are there and whole\n{hint}"
    data.unlink()
    assert _verify(registry, _PAUSE) == 1
    assert registry.push(_PAUSE, image_of(_SHARED, b"new")) == 1
    assert _verify(registry, _PAUSE, _LIST, _OTHER) == 0


@pytest.mark.parametrize("part", ["config", "theirs"])
def test_a_configuration_and_what_is_for_others_in_a_list_are_read_too(registry: RealRegistry, part: str) -> None:
    theirs = image_of(b"theirs")
    _spoil(_data(registry, theirs.blobs[0] if part == "config" else theirs.blobs[1]))
    assert _verify(registry, _LIST) == 1
    assert _verify(registry, _PAUSE) == 0
