"""Layers: kept byte for byte, freed of time, and read as the files of an image."""

from __future__ import annotations

import gzip
import io
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.service_images.layers import image_files, kept_layer, timeless_layer
from support.layers import layer_of, layer_tar

_NAMES = st.text(st.characters(categories=["L", "N"], include_characters="._- "), min_size=1, max_size=120).filter(
    lambda name: name not in (".", "..") and not name.startswith(".wh.")
)


def test_a_kept_layer_is_the_same_bytes_gzipped_or_not(tmp_path: Path) -> None:
    tar = layer_tar({"etc/motd": b"hello"})
    for source in (tar, gzip.compress(tar)):
        layer = kept_layer(io.BytesIO(source), tmp_path)
        assert layer.digest == f"sha256:{sha256(tar).hexdigest()}"
        assert (layer.file.read_bytes(), layer.size) == (tar, len(tar))


@given(files=st.dictionaries(_NAMES, st.binary(max_size=40), max_size=6), time_s=st.integers(0, 2**31))
def test_a_layer_without_its_times_is_the_same_whenever_and_in_whatever_order_it_was_made(
    files: dict[str, bytes | str], time_s: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    one = timeless_layer(io.BytesIO(layer_tar(files, 7)), folder, 1)
    other = timeless_layer(io.BytesIO(layer_tar(dict(reversed(files.items())), time_s)), folder, 1)
    assert one == other
    with tarfile.open(one.file) as tar:
        assert {entry.name: tar.extractfile(entry).read() for entry in tar} == files  # type: ignore[union-attr]
        assert {(entry.mtime, entry.uname) for entry in tar.getmembers()} <= {(1, "")}


def test_what_a_file_is_besides_its_time_makes_another_layer(tmp_path: Path) -> None:
    made = {
        timeless_layer(io.BytesIO(tar), tmp_path, 1).digest
        for tar in (layer_tar({"a": b"x"}), layer_tar({"a": b"y"}), layer_tar({"b": b"x"}), layer_tar({"a": "x"}))
    }
    made.add(timeless_layer(io.BytesIO(layer_tar({"a": b"x"}, mode=0o755)), tmp_path, 1).digest)
    assert len(made) == 5


def test_a_hard_link_stands_after_its_file(tmp_path: Path) -> None:
    """An engine unpacks a layer from its beginning; by name alone `a-b/link` would stand before `a/file`."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        file, link = tarfile.TarInfo("a/file"), tarfile.TarInfo("a-b/link")
        file.size, link.type, link.linkname = 1, tarfile.LNKTYPE, "a/file"
        tar.addfile(file, io.BytesIO(b"x"))
        tar.addfile(link)
    made.seek(0)
    with tarfile.open(timeless_layer(made, tmp_path, 1).file) as tar:
        assert [(entry.name, entry.linkname) for entry in tar] == [("a/file", ""), ("a-b/link", "a/file")]


def test_of_an_image_the_uppermost_layer_counts_and_what_it_takes_away_is_gone(tmp_path: Path) -> None:
    layers = [
        layer_of(tmp_path, {"./etc/a": b"old", "./etc/b": b"b", "./opt/x/c": b"c", "./srv/d": b"d", "./srv2": b"e"}),
        layer_of(tmp_path, {"etc/a": b"new", "opt/.wh.x": b"", "srv/.wh..wh..opq": b"", "usr/link": "../etc/a"}),
    ]
    assert image_files(layers, lambda path: True) == {
        "etc/a": b"new",
        "etc/b": b"b",
        "srv2": b"e",
        "usr/link": b"new",
    }
    assert image_files(layers, lambda path: path == "etc/b") == {"etc/b": b"b"}
