"""What the kubelet of a node is told to keep from pods."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, InvalidDescription, load_text
from support.fixed_secrets import fixed_secrets


def described(kubernetes: str) -> ClusterDesc:
    return load_text(
        "apiVersion: kboot/v1\ncluster: {name: ail, domain: ail.example.com}\n"
        "network: {bootstrapper: 10.10.14.253, subnet: 10.10.14.0/24, dhcp: {range: [10.10.14.1, 10.10.14.99]}}\n"
        f"kubernetes: {kubernetes}\n"
        "nodes:\n"
        '  - {mac: "02:00:00:00:00:01", ip: 10.10.14.201, roles: [control-plane, etcd, worker]}\n'
        '  - {mac: "02:00:00:00:00:02", roles: [worker]}\n',
        "unit.yaml",
    )


def kubelets(kubernetes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The kubelet's configuration of a member of etcd, and of a worker that is none."""
    desc = described(kubernetes)
    secrets = fixed_secrets(desc)
    member, worker = (
        yaml.safe_load(file.content)
        for node in desc.nodes
        for file in node_config(desc, node, secrets, Attachments()).files
        if file.path == "/etc/kubernetes/kubelet/config.yaml"
    )
    return member, worker


def test_each_node_keeps_something_for_the_os_and_a_member_of_etcd_for_that_too() -> None:
    member, worker = kubelets("{}")
    kept = {"cpu": "100m", "memory": "256Mi"}
    assert (member["systemReserved"], member["kubeReserved"]) == (kept, kept)
    assert worker["systemReserved"] == kept
    assert "kubeReserved" not in worker
    assert member["enforceNodeAllocatable"] == worker["enforceNodeAllocatable"] == ["pods"]


def test_the_description_says_how_much() -> None:
    member, worker = kubelets("{reserved: {system: {memory: 1Gi}, etcd: {cpu: 0.5, memory: 0}}}")
    assert member["systemReserved"] == worker["systemReserved"] == {"cpu": "100m", "memory": "1Gi"}
    assert member["kubeReserved"] == {"cpu": "0.5", "memory": "0"}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("cpu", "10%", "`10%` is no number of CPUs: write 2, 0.5 or 500m, or 0 for nothing"),
        ("cpu", "-1", "`-1` is no number of CPUs"),
        ("memory", "256MB", "`256MB` is no amount of memory: write 256Mi or 1Gi, or 0 for nothing"),
        ("memory", "5%", "`5%` is no amount of memory"),
    ],
)
def test_what_the_kubelet_would_not_read_is_refused_at_its_place(key: str, value: str, told: str) -> None:
    with pytest.raises(InvalidDescription) as refused:
        described(f'{{reserved: {{system: {{{key}: "{value}"}}}}}}')
    (problem,) = refused.value.problems
    assert told in str(problem)
    assert f"kubernetes.reserved.system.{key}" in str(problem)
