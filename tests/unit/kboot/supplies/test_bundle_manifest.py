"""A manifest is read back as it was written, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Item, Kind, Manifest, parse_manifest
from support.bundles import PAUSE, blob_of, digest_of, file_item, image_contents, image_item, manifest_of

_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
_PATHS = st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+~-]{0,8}", fullmatch=True), min_size=1, max_size=4)
_FILES = st.builds(
    file_item,
    st.binary(max_size=40),
    _PATHS.map("/".join),
    st.sampled_from([kind for kind in Kind if not kind.is_image]),
    name=_TEXT,
    version=_TEXT,
    source=_TEXT,
    licence=_TEXT,
)
_IMAGES = st.builds(
    lambda name, config, layers: image_item(image_contents(config, *layers), name),
    _TEXT,
    st.binary(max_size=20),
    st.lists(st.binary(max_size=20), max_size=3),
)
_ITEMS = st.lists(
    _FILES | _IMAGES, max_size=8, unique_by=(lambda item: item.order, lambda item: (item.kind, item.path or item.name))
)
_MANIFESTS = st.builds(
    lambda items, names: manifest_of(*items, created_for=tuple(names)), _ITEMS, st.lists(_TEXT, max_size=3)
)


def _sample() -> Manifest:
    return manifest_of(file_item(b"kubelet"), image_item(image_contents(b"{}", b"layer")))


def _changed(**changes: Any) -> bytes:
    """The sample with other keys at its top, written as kboot writes it."""
    found = json.loads(_sample().content) | changes
    return f"{json.dumps(found, indent=1, ensure_ascii=False)}\n".encode()


def _changed_item(number: int, **changes: Any) -> bytes:
    items = json.loads(_sample().content)["items"]
    items[number] |= changes
    return _changed(items=items)


@given(_MANIFESTS)
def test_a_manifest_is_read_back_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(manifest.content, "a.kboot") == manifest
    assert parse_manifest(manifest.content, "a.kboot").digest == digest_of(manifest.content)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_bad_input(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"^a\.kboot: "):
        parse_manifest(content, "a.kboot")


@given(_MANIFESTS, st.data())
def test_one_changed_byte_makes_another_manifest_or_none(manifest: Manifest, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(manifest.content) - 1))
    changed = bytearray(manifest.content)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = parse_manifest(bytes(changed), "a.kboot")
    except BadInput:
        return
    assert found.digest == digest_of(bytes(changed)) != manifest.digest


def test_the_name_of_a_bundle_says_for_whom_it_was_made() -> None:
    manifest = _sample()
    assert manifest.bundle == f"rack-{manifest.digest[7:19]}"
    assert manifest_of(created_for=("../A b",)).bundle.startswith("---a-b-")
    assert manifest_of(created_for=()).bundle.startswith("kboot-")


def test_a_content_that_two_items_share_stands_in_the_archive_once() -> None:
    layer = b"shared"
    one, two = image_item(image_contents(b"1", layer), "a:1"), image_item(image_contents(b"2", layer), "b:1")
    manifest = manifest_of(one, two)
    assert [item.name for item, _ in manifest.archived.values()] == ["a:1"] * 3 + ["b:1"] * 2
    left_out = manifest_of(one, two, since=digest_of(b"old"), left_out=(digest_of(layer),))
    assert list(left_out.archived) == [digest for digest in manifest.archived if digest != digest_of(layer)]
    assert left_out.needed == manifest.needed


_OF_SEVEN = (
    r"is a bundle of format 7, made by kboot '9\.9\.9'; this kboot reads format 1\n  hint: run `sh` with the bundle"
)
_REFUSED = {
    "another format": (_changed(format=7, kboot="9.9.9"), _OF_SEVEN),
    "no object": (b"[]\n", "its top: "),
    "deep": (b"[" * 100_000, "is no JSON"),
    "unknown key": (_changed(more=1), "more: "),
    "missing key": (b'{"format": 1}', "kboot: "),
    "unknown key of an item": (_changed_item(1, more=1), r"items\.1\.more \('kubelet'\): "),
    "unknown kind": (_changed_item(1, kind="virus"), r"items\.1\.kind \('kubelet'\): "),
    "no text": (_changed_item(1, name=7), r"items\.1\.name \('7'\): "),
    "an item that is none": (_changed(items=[7]), r"items\.0: "),
    "short digest": (_changed_item(1, digest="sha256:12"), r"items\.1\.digest \('kubelet'\): "),
    "a digest and a line": (_changed_item(1, digest=digest_of(b"") + "\n"), r"items\.1\.digest \('kubelet'\): "),
    "negative size": (_changed_item(1, size=-1), r"items\.1\.size \('kubelet'\): "),
    "size as text": (_changed_item(1, size="7"), r"items\.1\.size \('kubelet'\): "),
    "huge size": (_changed_item(1, size=1 << 60), r"items\.1\.size \('kubelet'\): "),
    "out of its folder": (_changed_item(1, path="../etc/passwd"), r"items\.1\.path \('kubelet'\): "),
    "within out": (_changed_item(1, path="kubernetes/../../x"), r"items\.1\.path \('kubelet'\): "),
    "absolute": (_changed_item(1, path="/etc/passwd"), r"items\.1\.path \('kubelet'\): "),
    "hidden": (_changed_item(1, path="a/.ssh"), r"items\.1\.path \('kubelet'\): "),
    "empty part": (_changed_item(1, path="a//b"), r"items\.1\.path \('kubelet'\): "),
    "no path": (_changed_item(1, path=""), r"items\.1 \('kubelet'\): a file has a path, an image has none"),
    "escape sequence": (_changed_item(1, name="\x1b[2J"), r"items\.1\.name"),
    "file with blobs": (_changed_item(1, blobs=[{"digest": digest_of(b""), "size": 0}]), "a file has no blobs"),
    "image without blobs": (_changed_item(0, blobs=[]), "the first blob of an image has to be its manifest"),
    "image of another digest": (_changed_item(0, digest=digest_of(b"x")), "the first blob of an image"),
    "image of another size": (_changed_item(0, size=1), "the size of an image has to be the sum"),
    "another's image": (_changed_item(0, kind="service-image"), "a service image is called `kboot-<service>:"),
    "not sorted": (_changed(items=json.loads(_sample().content)["items"][::-1]), "the items are not sorted"),
    "twice": (_changed(items=json.loads(_sample().content)["items"][:1] * 2), "the items are not sorted"),
    "left out of nothing": (_changed(left_out=[digest_of(b"kubelet")]), "nothing says of which bundle"),
    "left out unknown": (_changed(since=digest_of(b""), left_out=[digest_of(b"x")]), "names what no item has"),
    "other spaces": (_sample().content + b" ", "is not written as kboot writes it"),
    "a key twice": (_sample().content.replace(b'"kboot"', b'"kboot": "1",\n "kboot"', 1), "is not written as kboot"),
    "true for one": (_changed(format=True), "manifest.json"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_what_no_kboot_writes_is_refused_where_it_stands(case: str) -> None:
    content, said = _REFUSED[case]
    with pytest.raises(BadInput, match=said):
        parse_manifest(content, "a.kboot")


def test_two_files_at_one_place_are_refused() -> None:
    one, two = file_item(b"1"), file_item(b"2", name="other")
    with pytest.raises(ValueError, match="two items have the same path"):
        manifest_of(one, two)


def test_one_digest_of_two_sizes_is_refused() -> None:
    one = file_item(b"1")
    two = Item.model_validate(one.model_dump() | {"size": 9, "path": "x", "name": "x"})
    with pytest.raises(ValueError, match="has two sizes"):
        manifest_of(one, two)


def test_the_blobs_of_an_image_are_its_contents_and_a_file_is_its_own() -> None:
    contents = image_contents(b"{}", b"layer")
    assert image_item(contents, PAUSE).contents == tuple(blob_of(content) for content in contents)
    assert file_item(b"x").contents == (blob_of(b"x"),)
