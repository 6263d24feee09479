"""What some descriptions need, each thing once."""

from __future__ import annotations

import pytest

from kboot.bundle.collect.needs import needs
from kboot.errors import BadInput
from kboot_clusterdesc import load_text
from unit.clusterdesc.sample import SAMPLE

_DESC = load_text(SAMPLE, "ail.yaml")


def test_a_description_needs_the_images_and_binaries_of_its_kubernetes() -> None:
    found = needs([_DESC])
    assert ("registry.k8s.io/kube-apiserver:v1.36.2", "amd64") in found.images
    assert ("kubernetes/v1.36.2/kubelet", "amd64") in found.binaries
    assert (found.clusters, found.archs) == (("ail",), ("amd64",))


def test_two_descriptions_of_one_kind_need_it_once() -> None:
    other = load_text(SAMPLE.replace("name: ail", "name: bee"), "bee.yaml")
    assert needs([_DESC, other]).images == needs([_DESC]).images
    assert needs([other, _DESC]).clusters == ("ail", "bee")


def test_another_release_and_other_processors_may_be_asked_for() -> None:
    found = needs([_DESC], kubernetes="v1.37.0", os="4152.2.3", archs=["amd64", "arm64"])
    assert ("registry.k8s.io/kube-apiserver:v1.37.0", "arm64") in found.images
    assert ("kubernetes/v1.37.0/kubectl", "amd64") in found.binaries
    assert {desc.os.version for desc in found.descriptions} == {"4152.2.3"}
    assert found.archs == ("amd64", "arm64")


def test_a_cluster_without_kubernetes_has_no_release_of_it() -> None:
    desc = load_text(
        SAMPLE.replace("kubernetes: {version: v1.36.2}\n", "")
        .replace("control-plane, etcd", "etcd")
        .replace('  - {mac: "00:25:90:c0:f6:ee", roles: [worker]}\n', ""),
        "a.yaml",
    )
    assert needs([desc]).binaries == ()
    with pytest.raises(BadInput, match="ail: has no `kubernetes`"):
        needs([desc], kubernetes="v1.36.2")


def test_images_of_the_operators_own_manifests_are_needed_for_that_cluster_alone() -> None:
    manifest = b"kind: Pod\nspec: {containers: [{name: web, image: registry.example.com/web:1}]}\n"
    other = _DESC.model_copy(update={"cluster": _DESC.cluster.model_copy(update={"name": "bee"})})
    own = ("registry.example.com/web:1", "amd64")
    assert set(needs([_DESC], manifests={"ail": [manifest]}).images) - set(needs([_DESC]).images) == {own}
    assert own not in needs([other], manifests={"ail": [manifest]}).images
