"""The images that a cluster's machines may pull."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import KbootError, NotYet
from kboot.node import read_extra
from kboot.render import Attachments, render
from kboot.running.needed_images import needed_images, refuse_outdated, wanted_images
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load_text
from kboot_clusterdesc.node_images import node_images
from support.fixed_secrets import fixed_secrets
from support.rendering import LAB, write_rendered
from unit.clusterdesc.sample import spoilt

OWN = b"""apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: a, image: "quay.io/own/init:1"}]
      containers:
        - name: b
          image: "quay.io\\x2fown/app:2"
          args: [--reloader=quay.io/own/reloader:3]
---
{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "quay.io\\/own\\/json:4"}]}}
"""
EXTRA = b"""units:
  - {name: tool.service, content: "[Service]\\nExecStart=/usr/bin/docker run quay.io/own/tool:5 serve\\n"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """As `kboot up` leaves it."""
    desc = described()
    files = render(
        desc,
        secrets=fixed_secrets(desc),
        images=dict.fromkeys(("dnsmasq", "cloudconfig", "registry", "updater", "time"), "x:1"),
        network=LAB,
        interface="eth0",
        root=tmp_path,
        attachments=Attachments(None, {"extra.yaml": read_extra(EXTRA, "extra.yaml")}, {"000-own.yaml": OWN}),
    )
    write_rendered(files, tmp_path / "ail")
    return ClusterFolder(tmp_path, "ail")


def described() -> ClusterDesc:
    changed = spoilt(
        ("version: current}", "version: current, extra: extra.yaml}"),
        ("version: v1.36.2}", "version: v1.36.2, manifests: [own.yaml]}"),
    )
    return load_text(changed, "rack.yaml")


def test_what_the_description_names_is_needed_and_what_manifests_and_units_name(folder: ClusterFolder) -> None:
    found = needed_images(folder, described())
    assert set(node_images(described()).values()) <= found
    assert {
        "quay.io/own/init:1",
        "quay.io/own/app:2",
        "quay.io/own/reloader:3",
        "quay.io/own/json:4",
        "quay.io/own/tool:5",
    } <= found


def test_wanted_are_the_images_of_the_description_and_of_the_pods_in_manifests(folder: ClusterFolder) -> None:
    own = [("manifests", f"quay.io/own/{name}") for name in ("init:1", "app:2", "json:4")]
    assert wanted_images(folder, described()) == [*node_images(described()).items(), *own]
    assert wanted_images(ClusterFolder(folder.root, "none"), described()) == list(node_images(described()).items())


def test_without_a_render_it_cannot_be_told_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(KbootError, match="is not there") as raised:
        needed_images(ClusterFolder(tmp_path, "ail"), described())
    assert raised.value.hint == "run `kboot up` first"


def test_machines_with_an_older_config_are_named_with_the_way_on() -> None:
    refuse_outdated([{"name": "a", "config": "current"}])
    refuse_outdated([{"name": "a", "phase": "waiting", "config": "current", "config_told": False}])
    with pytest.raises(NotYet, match="which configs, and so which images, are on a was not told"):
        refuse_outdated([{"name": "a", "phase": "running", "config": "current", "config_told": False}])
    with pytest.raises(NotYet) as raised:
        refuse_outdated([{"name": name, "config": "outdated"} for name in ("a", "b")])
    assert raised.value.message == "older configs, which may name other images, are on a, b"
    assert "`kboot upgrade`, or `kboot node apply NAME`; `--force`" in raised.value.hint
