"""Which etcd can become which, and what a tag says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.etcd.skew import reason_against, rendered_image
from kboot.node import document
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot.running.etcd_client import EtcdVersion
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.node_images import tagged_version
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("registry.k8s.io/etcd:3.6.8-0", "3.6.8"),
        ("quay.io/coreos/etcd:v3.5.21", "3.5.21"),
        ("etcd:3.5", "3.5"),
        ("registry:5000/etcd:3.5.21-debian-12-r1", "3.5.21"),
        (f"registry:5000/etcd:3.5.21@sha256:{'0' * 64}", "3.5.21"),
        (f"registry.k8s.io/etcd@sha256:{'0' * 64}", None),
        ("registry:5000/etcd", None),
        ("kboot.lab/etcd:debian", None),
        ("etcd:latest", None),
        ("etcd:3", None),
        ("etcd:2026.11.28.1", None),
    ],
)
def test_a_tag_names_a_version_or_none(reference: str, version: str | None) -> None:
    assert tagged_version(reference) == version


@pytest.mark.parametrize(
    ("server", "cluster", "after"),
    [
        ("3.4.23", "3.4.0", "3.4.23"),
        ("3.4.23", "3.4.0", "3.5.21"),
        ("3.5.21", "3.5.0", "3.6.8"),
        ("3.6.8", "3.6.0", "3.6.5"),  # a patch back
        ("3.5.21", "3.4.0", "3.4.23"),  # the way back, while another member is still at 3.4
        ("3.4.23", None, "3.5"),
    ],
)
def test_a_patch_and_the_next_minor_are_fine(server: str, cluster: str | None, after: str) -> None:
    assert reason_against(EtcdVersion(server, cluster), after) is None


@pytest.mark.parametrize(
    ("server", "cluster", "after", "found", "way"),
    [
        ("3.4.23", "3.4.0", "3.6.8", "3.4.23 runs, and 3.6.8 leaves out 3.5", "an image of 3.5 first"),
        ("3.3.0", None, "3.6", "3.3.0 runs, and 3.6 leaves out 3.4, 3.5", "an image of 3.4 first"),
        ("3.5.21", "3.4.0", "3.6.8", "3.5.21 runs, and 3.6.8 leaves out 3.5", "an image of 3.5 first, on every member"),
        ("3.6.8", "3.6.0", "3.5.21", "3.6.8 runs, and 3.5.21 is older", "take an image of 3.6"),
        ("3.6.8", "3.6.0", "2.3.8", "3.6.8 runs, and 2.3.8 is older", "take an image of 3.6"),
        ("3.6.8", "3.6.0", "4.0.0", "3.6.8 runs, and 4.0.0 is another major version", "etcd's own notes"),
    ],
)
def test_a_minor_left_out_a_major_and_a_way_back_are_refused_with_the_way(
    server: str, cluster: str | None, after: str, found: str, way: str
) -> None:
    reason = reason_against(EtcdVersion(server, cluster), after)
    assert reason is not None
    assert reason[0].startswith(found)
    assert way in reason[1]


def test_the_image_in_force_is_read_from_what_was_rendered(tmp_path: Path) -> None:
    desc, folder = Fleet().desc, ClusterFolder(tmp_path, "ail")
    member, worker = desc.etcd_members[0], desc.nodes[-1]
    assert rendered_image(folder, member) is None
    for node in (member, worker):
        folder.node(node.mac).mkdir(parents=True)
        config = node_config(desc, node, fixed_secrets(desc), Attachments())
        (folder.node(node.mac) / "node-config.json").write_bytes(document(config))
    assert rendered_image(folder, member) == "registry.k8s.io/etcd:3.6.8-0"
    assert rendered_image(folder, worker) is None
