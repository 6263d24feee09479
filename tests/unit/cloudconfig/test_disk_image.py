"""How large a disk an image makes, read from its beginning alone."""

from __future__ import annotations

import bz2
from pathlib import Path

import pytest

from kboot_cloudconfig.disk_image import disk_bytes
from support.disk_images import os_image


def _compressed(folder: Path, content: bytes) -> Path:
    (folder / "image.bin.bz2").write_bytes(bz2.compress(content, 1))
    return folder / "image.bin.bz2"


@pytest.mark.parametrize("mebibytes", [1, 70])
def test_an_image_tells_how_many_bytes_it_writes(tmp_path: Path, mebibytes: int) -> None:
    image = tmp_path / "image.bin.bz2"
    image.write_bytes(os_image(mebibytes << 20))
    assert disk_bytes(image) == mebibytes << 20


def test_only_the_beginning_of_an_image_is_read(tmp_path: Path) -> None:
    image = tmp_path / "image.bin.bz2"
    whole = os_image(200 << 20)
    image.write_bytes(whole[: len(whole) * 2 // 3])
    assert disk_bytes(image) == 200 << 20


@pytest.mark.parametrize(
    "content", [b"", b"x", bytes(4096), bytes(range(256)) * 16], ids=["nothing", "a byte", "zeros", "other bytes"]
)
def test_what_has_no_partition_table_tells_nothing(tmp_path: Path, content: bytes) -> None:
    assert disk_bytes(_compressed(tmp_path, content)) is None
    (tmp_path / "plain").write_bytes(content)
    assert disk_bytes(tmp_path / "plain") is None
    assert disk_bytes(tmp_path / "missing") is None
