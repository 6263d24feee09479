"""Images: such as can be pulled."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    refusal,
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
