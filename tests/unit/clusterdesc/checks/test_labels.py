"""Labels and taints: as Kubernetes takes them."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    place,
    refusal,
    refused_keys,
    spoilt,
)


@pytest.mark.parametrize(
    "label",
    [
        '"a b": x',
        '"-a": x',
        "a: -x",
        'a: "x y"',
        f"{'k' * 64}: x",
        f"a: {'v' * 64}",
        '"A.com/x": y',
        '"/x": y',
        "a: ",
    ],
)
def test_a_label_that_kubernetes_refuses_is_refused(label: str) -> None:
    text = spoilt(("roles: [worker]", f"roles: [worker], labels: {{{label}}}"))
    assert all(key.startswith("nodes[1].labels.") for key in refused_keys(text))
    refusal(text)


@pytest.mark.parametrize(
    "label",
    [
        "example.com/rack: r1",
        'empty: ""',
        "topology.kubernetes.io/zone: a",
        "role: ingress",
        "node-role.kubernetes.io/ingress: x",
    ],
)
def test_labels_that_kubernetes_takes_pass(label: str) -> None:
    accepted(spoilt(("roles: [worker]", f"roles: [worker], labels: {{{label}}}")))


@pytest.mark.parametrize("taint", ["db", "db=x", "db:Never", "db=x y:NoSchedule", "=x:NoSchedule", "a:b:NoSchedule"])
def test_a_taint_that_kubernetes_refuses_is_refused(taint: str) -> None:
    assert refused_keys(spoilt(("roles: [worker]", f'roles: [worker], taints: ["{taint}"]'))) == ["nodes[1].taints[0]"]


@pytest.mark.parametrize("taint", ["db=x:NoSchedule", "db:NoExecute", "example.com/db=:PreferNoSchedule"])
def test_taints_that_kubernetes_takes_pass(taint: str) -> None:
    accepted(spoilt(("roles: [worker]", f'roles: [worker], taints: ["{taint}"]')))


def test_a_taint_that_a_node_has_with_another_value_already_is_refused_at_the_second() -> None:
    text = spoilt(("roles: [worker]", "roles: [worker], taints: [db=x:NoSchedule, db=y:NoExecute, db=z:NoSchedule]"))
    said = refusal(text)
    assert said.startswith(f"{place(text, 'db=z')}: nodes[1].taints[2]: `db` with NoSchedule stands here twice")
