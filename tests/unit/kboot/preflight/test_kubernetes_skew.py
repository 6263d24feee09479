"""Which changes of the Kubernetes version are refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.preflight.kubernetes_skew import reason_against, reason_against_running, refuse_skew
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


@pytest.mark.parametrize(
    ("api_servers", "kubelets", "found"),
    [
        ({"c1": "v1.35.4", "c2": "v1.36.2"}, {"c1": "v1.35.4", "w1": "v1.33.0"}, None),
        ({"c1": "v1.34.4"}, {}, "the API server of c1: v1.34.4 is in force, and v1.36.2 leaves out v1.35"),
        ({"c1": "v1.37.0"}, {}, "the API server of c1: v1.37.0 is in force, and v1.36.2 is older"),
        ({"c1": "v1.36.0"}, {"w1": "v1.32.9"}, "the kubelet of w1 is v1.32.9, more than 3 minors older than v1.36.2"),
        ({"c1": "v1.36.0"}, {"w1": "v1.37.0"}, "the kubelet of w1 is v1.37.0, newer than v1.36.2"),
    ],
)
def test_what_really_runs_is_looked_at_too(
    api_servers: dict[str, str], kubelets: dict[str, str], found: str | None
) -> None:
    reason = reason_against_running("v1.36.2", api_servers, kubelets)
    assert (reason is None) if found is None else (reason is not None and reason[0].startswith(found))
