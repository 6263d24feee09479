"""What a newer bundle brings against an older one."""

from __future__ import annotations

from kboot.bundle.comparison import Change, differences, left_out_since
from kboot.supplies.bundle_manifest import Kind
from support.bundles import digest_of, file_item, image_contents, image_item, manifest_of

_LAYER = b"layer"
_OLD, _NEW = image_contents(b"1", _LAYER), image_contents(b"2", _LAYER)


def test_what_is_the_same_differs_in_nothing() -> None:
    manifest = manifest_of(image_item(_OLD), file_item(b"kubelet"))
    assert list(differences(manifest, manifest)) == []
    assert left_out_since(manifest, manifest) == tuple(sorted(manifest.needed))


def test_each_change_says_what_it_brings_in_bytes() -> None:
    older = manifest_of(image_item(_OLD), file_item(b"kubelet", version="1"), file_item(b"gone", "cni/gone"))
    newer = manifest_of(image_item(_NEW), file_item(b"kubelet2", version="2"), file_item(b"new", "cni/new"))
    found = [(each.change, each.item.name, each.before, each.size) for each in differences(older, newer)]
    assert found == [
        (Change.CHANGED, "registry.k8s.io/pause:3.10.2", "", len(_NEW[0]) + len(_NEW[1])),
        (Change.CHANGED, "kubelet", "1", 8),
        (Change.ADDED, "new", "", 3),
        (Change.REMOVED, "gone", "", 0),
    ]
    assert left_out_since(older, newer) == (digest_of(_LAYER),)


def test_the_wheels_of_one_package_for_two_pythons_are_two_things() -> None:
    older = manifest_of(*(file_item(b"%d" % i, f"yaml-cp31{i}.whl", Kind.WHEEL, name="yaml") for i in (1, 3)))
    assert list(differences(older, older)) == []
    newer = manifest_of(*(file_item(b"%d" % i, f"yaml-cp31{i}.whl", Kind.WHEEL, name="yaml") for i in (1, 4)))
    assert [(each.change, each.item.path) for each in differences(older, newer)] == [(Change.CHANGED, "yaml-cp314.whl")]
