"""Images: such as can be pulled."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    place,
    refusal,
    refused_keys,
    with_block,
)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        ("{kube-proxy: a/b:1}", "did you mean `kube_proxy`?"),
        ("{grafana: a/b:1}", "no node pulls an image `grafana`"),
        ("{pause: a/b}", "has no tag"),
        ("{pause: 'A b:1'}", "is not an image reference"),
        ("{pause: 'a/b@sha256:1'}", "is not an image reference"),
    ],
)
def test_an_image_that_could_not_be_pulled_is_refused(images: str, found: str) -> None:
    assert found in refusal(with_block("images", f"images: {images}\n"))


def test_images_by_tag_and_by_digest_pass() -> None:
    digest = "sha256:" + "0" * 64
    accepted(with_block("images", f"images: {{pause: 'r.example.com:5000/p:3', etcd: 'e@{digest}'}}\n"))


def test_two_images_that_are_one_name_without_their_hosts_are_refused_with_both_places() -> None:
    first, second = '"registry.example.com/k8s/base:1"', '"quay.io/k8s/base:1"'
    text = with_block("images", f"images:\n  pause: {first}\n  etcd: {second}\n")
    said = refusal(text)
    assert said.startswith(f"{place(text, second)}: images.etcd: `quay.io/k8s/base:1` has in the registry, ")
    assert f"`registry.example.com/k8s/base:1`, `images.pause` at {place(text, first)}\n" in said
    assert refused_keys(text) == ["images.etcd"]


def test_an_image_in_the_place_of_one_that_the_description_leaves_as_it_is_is_refused() -> None:
    text = with_block("images", "images: {etcd: 'quay.io/pause:3.10.2'}\n")
    assert "the name of `registry.k8s.io/pause:3.10.2`, `images.pause`\n" in refusal(text)


def test_one_image_twice_however_spelt_or_by_one_digest_of_two_hosts_passes() -> None:
    digest = "sha256:" + "0" * 64
    accepted(with_block("images", "images: {pause: 'base:1', etcd: 'docker.io/library/base:1'}\n"))
    accepted(with_block("images", f"images: {{pause: 'a.io/b@{digest}', etcd: 'c.io/b@{digest}'}}\n"))
