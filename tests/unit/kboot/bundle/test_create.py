"""What several descriptions bring together is in a bundle once, and what does not go together is named."""

from __future__ import annotations

import pytest

from kboot.bundle.create import Form, bundle_manifest
from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Item, Kind, Manifest
from support.bundles import PAUSE, digest_of, file_item, image_contents, image_item

_IMAGE = "flatcar/stable/amd64-usr/4152.2.3/version.txt"


def _made(*items: Item) -> Manifest:
    return bundle_manifest(items, ["a", "b"], ["amd64"], "0.1.0", Form())


def test_one_file_from_two_places_is_there_once() -> None:
    one = file_item(b"1", _IMAGE, Kind.OS_FILE, source="https://stable.example.com")
    other = file_item(b"1", _IMAGE, Kind.OS_FILE, source="https://mirror.example.com")
    assert _made(one, other).items == (one,)


def test_one_name_for_two_processors_is_there_twice() -> None:
    items = [file_item(arch.encode(), arch=arch) for arch in ("amd64", "arm64")]
    assert len(_made(*items).items) == 2


def test_two_files_at_one_place_are_named_with_where_they_are_from() -> None:
    one, other = (
        file_item(b"1", _IMAGE, Kind.OS_FILE, source="here"),
        file_item(b"2", _IMAGE, Kind.OS_FILE, source="there"),
    )
    said = (
        f"os-file {_IMAGE}: is {digest_of(b'1')} from here, and {digest_of(b'2')} from there\n  hint: name one of them"
    )
    with pytest.raises(BadInput, match=f"^{said}"):
        _made(one, other)


def test_two_images_of_one_name_are_named() -> None:
    one, other = image_item(image_contents(b"{}")), image_item(image_contents(b"{ }"))
    with pytest.raises(BadInput, match=rf"^node-image {PAUSE}: is sha256:.* and sha256:"):
        _made(one, other)
