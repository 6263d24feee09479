"""The images that a text names."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kboot.supplies.named_images import images_named_in, is_kept, pod_images
from kboot_clusterdesc.node_images import is_reference

DIGEST = "sha256:" + "ab" * 32
NAMES = ["busybox", "quay.io/a/b:1.0", f"ghcr.io/x/y@{DIGEST}", f"r.example.com:5000/z:v1@{DIGEST}", "a__b/c-d:X_1"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "image: {}",
        'image: "{}"\nargs: []',
        "--image={},",
        "run docker://{} now",
        "pulls {}.",
        "[{},b]",
        "'{}'",
        "RELATED={}\\n",
    ],
)
def test_a_name_is_found_wherever_it_stands(name: str, text: str) -> None:
    assert name in images_named_in(text.format(name))


@given(st.sampled_from(NAMES), st.text(alphabet=" \n\t\"'{}[],=|>&*!()$;#%", min_size=1), st.text())
def test_a_name_is_found_between_whatever_cannot_be_part_of_it(name: str, sign: str, text: str) -> None:
    found = images_named_in(f"{text}{sign}{name}{sign}{text}")
    assert name in found
    assert all(is_reference(each) for each in found)


def test_a_name_survives_both_ways_of_writing_a_manifest() -> None:
    manifest = {"spec": {"containers": [{"name": "x", "image": name} for name in NAMES]}}
    assert set(NAMES) <= images_named_in(yaml.safe_dump(manifest))
    assert set(NAMES) <= images_named_in(json.dumps(manifest))


def test_the_images_of_pods_are_known_wherever_a_manifest_has_pods() -> None:
    pod: dict[str, object] = {
        "initContainers": [{"image": "a:1"}],
        "containers": [{"image": "b:2"}, {"name": "none"}, {"image": "b:2"}],
    }
    pod["volumes"] = [{"image": {"reference": "c:3"}}, {"emptyDir": {}}, {"image": None}]
    jobs = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}
    other = {"kind": "Picture", "spec": {"image": "d:4", "containers": None}}
    everything = {
        "kind": "List",
        "items": [jobs, other, {"spec": {"containers": [{"image": "No Image"}, {"image": 5}]}}],
    }
    assert pod_images(yaml.safe_dump(everything).encode()) == ["a:1", "b:2", "c:3", "5"]
    assert pod_images(json.dumps(jobs).encode()) == ["a:1", "b:2", "c:3"]
    assert pod_images(b"---\n---\n{") == pod_images(b"&a [*a]") == []


@pytest.mark.parametrize("key", ["initContainers", "containers", "ephemeralContainers", "volumes"])
@pytest.mark.parametrize("said", [10, True, "all", {"image": "b:2"}])
def test_a_resource_that_means_something_else_by_a_key_of_pods_is_passed_over(key: str, said: object) -> None:
    manifest = {"kind": "Tenant", "spec": {"quota": {key: said}, "pod": {"containers": [{"image": "a:1"}]}}}
    assert pod_images(yaml.safe_dump(manifest).encode()) == ["a:1"]


def test_an_image_stays_by_its_place_or_by_a_pattern() -> None:
    stays = is_kept(["busybox", f"quay.io/a/b@{DIGEST}"], ["shop/*", "docker.io/library/nginx:1.27", "x/y:v1.?"])
    kept = [("library/busybox", "latest"), ("a/b", DIGEST), ("shop/till", "3"), ("shop/till", DIGEST)]
    assert all(stays(*each) for each in [*kept, ("library/nginx", "1.27"), ("x/y", "v1.2")])
    gone = [("library/busybox", "1"), ("a/b", "1"), ("x/y", "v1.20"), ("shopping/list", "1"), ("library/nginx", "1")]
    assert not any(stays(*each) for each in gone)
