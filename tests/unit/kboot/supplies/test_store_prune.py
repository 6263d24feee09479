"""Which of the loaded bundles nobody needs any more."""

from __future__ import annotations

from typing import Any

import pytest

from kboot.supplies.bundle_manifest import Blob, Item, Kind, Manifest
from kboot.supplies.store_prune import StorePlan, need_of, plan_store_prune
from kboot_clusterdesc import load_text
from support.bundles import KUBELET, PAUSE, file_item, image_contents, image_item, manifest_of
from unit.clusterdesc.sample import SAMPLE

DESC = load_text(SAMPLE, "ail.yaml")
NEEDS = {"ail": need_of(DESC, {PAUSE}, "4152.2.3")}
SHARED = file_item(b"in both", "docs/a.md", Kind.DOCUMENT)
KUBECTL = "kubernetes/v1.36.2/kubectl"


def bundle(*items: Item, **more: Any) -> tuple[str, Manifest]:
    manifest = manifest_of(*items, **{"created_for": ("ail",), **more})
    return manifest.bundle, manifest


def planned(bundles: list[tuple[str, Manifest]], *given_up: str, extra: tuple[bytes, ...] = ()) -> StorePlan:
    """The plan for a store that has these bundles, and contents besides that none of them names."""
    blobs: list[Blob] = [blob for _, manifest in bundles for _, blob in manifest.needed.values()]
    sizes = {blob.digest.removeprefix("sha256:"): blob.size for blob in blobs}
    sizes |= {content.hex(): len(content) for content in extra}
    return plan_store_prune(bundles, NEEDS, sizes, given_up)


def test_an_older_bundle_goes_and_what_a_newer_one_has_too_stays() -> None:
    old, new = bundle(file_item(b"old"), SHARED), bundle(file_item(b"new!"), SHARED)
    plan = planned([old, new])
    assert (plan.bundles, plan.kept) == ((old[0],), (new[0],))
    assert plan.contents == (file_item(b"old").digest.removeprefix("sha256:"),)
    assert plan.freed_bytes == 3


@pytest.mark.parametrize(
    "needed",
    [
        file_item(b"kubectl", KUBECTL),
        image_item(image_contents(b"{}")),
        file_item(b"image", "flatcar/stable/amd64-usr/4152.2.3/version.txt", Kind.OS_FILE, version="4152.2.3"),
    ],
    ids=["binary", "image", "release"],
)
def test_an_older_bundle_stays_while_a_cluster_needs_what_it_alone_brings(needed: Item) -> None:
    old, new = bundle(needed), bundle(file_item(b"new"))
    assert planned([old, new]).bundles == ()
    assert planned([old, new, bundle(needed, file_item(b"new"))]).bundles == (old[0], new[0])


@pytest.mark.parametrize(
    "other",
    [
        file_item(b"kubectl", KUBECTL, arch="arm64"),
        file_item(b"kubectl", "kubernetes/v1.35.0/kubectl"),
        image_item(image_contents(b"{}"), "registry.k8s.io/pause:3.9"),
        file_item(b"image", "flatcar/stable/amd64-usr/4081.2.0/version.txt", Kind.OS_FILE, version="4081.2.0"),
        file_item(b"wheel", "kboot.whl", Kind.WHEEL),
    ],
    ids=["processor", "version", "image", "release", "kind"],
)
def test_what_no_cluster_needs_keeps_no_bundle(other: Item) -> None:
    old, new = bundle(other), bundle(file_item(b"new"))
    assert planned([old, new]).bundles == (old[0],)


def test_the_newest_bundle_of_a_cluster_that_has_not_begun_stays() -> None:
    first, other = bundle(SHARED, created_for=("later",)), bundle(file_item(b"new"))
    assert planned([first, other]).bundles == ()
    both = bundle(SHARED, created_for=("later", "ail"))
    assert planned([first, other, both]).bundles == (first[0],)  # the kubelet is in `other` alone


def test_a_bundle_that_is_given_up_goes_unless_a_cluster_needs_it() -> None:
    later, ours = bundle(SHARED, created_for=("later",)), bundle(file_item(b"new", KUBELET))
    assert planned([later, ours], later[0]).bundles == (later[0],)
    assert planned([later, ours], ours[0]).bundles == ()


def test_contents_that_are_of_no_bundle_go() -> None:
    plan = planned([bundle(SHARED)], extra=(b"left", b"behind"))
    assert (plan.bundles, plan.contents, plan.freed_bytes) == ((), (b"behind".hex(), b"left".hex()), 10)
