"""The operator's own manifests, read and looked at before they are rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.describe.attachment_reader import read_attachments
from kboot.supplies.named_images import pod_images
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


def faults(folder: Path, text: str, name: str = "1.yaml") -> str:
    """What is said against one manifest, `FILE` in place of its path."""
    (folder / "addons").mkdir()
    (folder / "addons" / name).write_text(text)
    with pytest.raises(InvalidDescription) as refused:
        read_attachments(DESC, folder / "cluster.yaml")
    return str(refused.value).replace(f"{folder}/addons/{name}", "FILE")


def test_a_key_that_stands_twice_in_a_manifest_is_refused_at_the_second_each_at_once(tmp_path: Path) -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: 1\n  x: 2\n"
        "---\napiVersion: v1\nkind: ConfigMap\ndata: {y: 1}\nmetadata: {name: b}\ndata: {z: 1}\n"
    )
    assert faults(tmp_path, text) == (
        "FILE:6:3: kubernetes.manifests: `x` is a repeated key, the first one stands at line 5\n"
        "  hint: merge the two, or begin a new list item with a dash\n"
        "FILE:12:1: kubernetes.manifests: `data` is a repeated key, the first one stands at line 10\n"
        "  hint: merge the two, or begin a new list item with a dash"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "FILE:1:5: kubernetes.manifests: "),
        ("", "FILE: kubernetes.manifests: is no manifest"),
        ("apiVersion: v1\nkind: Pod\n---\n- a\n", "FILE:4:1: kubernetes.manifests: is no manifest"),
        ("apiVersion: v1\nkind: Pod\n---\nkind: Pod\n", "FILE:4:1: kubernetes.manifests: is no manifest"),
    ],
)
def test_what_is_no_manifest_is_refused_where_it_begins(tmp_path: Path, text: str, said: str) -> None:
    assert faults(tmp_path, text).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        _pod("ghcr.io/tool/app:1") + "metadata: {annotations: {until: 2024-02-30, at: 0x_, x: !!int y}}\n",
        '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {"containers": [{"image": "ghcr.io/tool/app:1"}]}\n}\n',
        "apiVersion: v1\nkind: Pod\na: &a {image: ghcr.io/tool/app:1}\nspec: {containers: [{<<: *a, name: x}, *a]}\n",
    ],
)
def test_values_that_fit_no_calendar_tabs_in_json_and_merge_keys_pass(tmp_path: Path, text: str) -> None:
    (tmp_path / "addons").mkdir()
    (tmp_path / "addons" / "1.json").write_text(text)
    (content,) = read_attachments(DESC, tmp_path / "cluster.yaml").manifests.values()
    assert pod_images(content) == ([] if "!!int" in text else ["ghcr.io/tool/app:1"])
