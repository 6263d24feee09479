"""Which changes of the Kubernetes version are refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.skew import reason_against, refuse_skew
from kboot_clusterdesc import ClusterFolder, InvalidDescription, dump, load
from unit.clusterdesc.sample import SAMPLE


@pytest.mark.parametrize(
    ("before", "after"),
    [("v1.35.1", "v1.36.2"), ("v1.36.2", "v1.36.0"), ("v1.36.2", "v1.36.9"), ("v1.33.0", "v1.34.4")],
)
def test_a_patch_and_the_next_minor_are_fine(before: str, after: str) -> None:
    assert reason_against(before, after) is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("v1.36.2", "v1.34.4", "is older"),
        ("v1.36.2", "v1.35.4", "is older"),
        ("v1.33.0", "v1.36.2", "leaves out v1.34, v1.35"),
    ],
)
def test_a_minor_down_and_a_minor_left_out_are_refused_where_they_stand(
    before: str, after: str, found: str, tmp_path: Path
) -> None:
    path, folder = tmp_path / "rack.yaml", ClusterFolder(tmp_path, "ail")
    folder.path.mkdir()
    path.write_text(SAMPLE.replace("v1.36.2", before))
    folder.description.write_bytes(dump(load(path)))
    path.write_text(SAMPLE.replace("v1.36.2", after))
    with pytest.raises(InvalidDescription) as refused:
        refuse_skew(folder, load(path), path)
    assert str(refused.value).startswith(f"{path}:9:23: kubernetes.version: ")
    assert found in str(refused.value)


def test_the_first_up_of_a_cluster_may_take_any_version(tmp_path: Path) -> None:
    (tmp_path / "rack.yaml").write_text(SAMPLE)
    refuse_skew(ClusterFolder(tmp_path, "ail"), load(tmp_path / "rack.yaml"), tmp_path / "rack.yaml")
