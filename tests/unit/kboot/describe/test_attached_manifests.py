"""The operator's own manifests, read and looked at before they are rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.describe.attachment_reader import read_attachments
from kboot_clusterdesc import InvalidDescription
from unit.clusterdesc.sample import accepted, kubernetes

DESC = accepted(kubernetes("version: v1.36.2, manifests: [addons]"))


def _pod(image: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, image: '{image}'}}]}}\n"


@pytest.mark.parametrize(
    ("image", "other"),
    [
        ("quay.io/pause:3.10.2", "`registry.k8s.io/pause:3.10.2`, `images.pause`"),
        ("ghcr.io/tool/app:1", "`quay.io/tool/app:1`, in {folder}/1.yaml"),
    ],
)
def test_an_image_of_a_manifest_that_would_take_the_place_of_another_is_refused(
    tmp_path: Path, image: str, other: str
) -> None:
    folder = tmp_path / "addons"
    folder.mkdir()
    (folder / "1.yaml").write_text(_pod("quay.io/tool/app:1"))
    (folder / "2.yaml").write_text(_pod(image))
    with pytest.raises(InvalidDescription) as refused:
        read_attachments(DESC, tmp_path / "cluster.yaml")
    (problem,) = refused.value.problems
    assert (problem.place.file, problem.key) == (f"{folder}/2.yaml", "kubernetes.manifests")
    assert problem.message.startswith(f"`{image}` has in the registry, ")
    assert problem.message.endswith(f"the name of {other.format(folder=folder)}")


def test_one_image_in_several_manifests_however_spelt_passes(tmp_path: Path) -> None:
    folder = tmp_path / "addons"
    folder.mkdir()
    (folder / "1.yaml").write_text(_pod("nginx:1.27"))
    (folder / "2.yaml").write_text(_pod("docker.io/library/nginx:1.27"))
    (folder / "3.yaml").write_text(_pod("quay.io/nginx:1.27"))
    assert len(read_attachments(DESC, tmp_path / "cluster.yaml").manifests) == 3
