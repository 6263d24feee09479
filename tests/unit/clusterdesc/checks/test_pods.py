"""Pods: a block of addresses for each node."""

from __future__ import annotations

import pytest

from unit.clusterdesc.sample import (
    accepted,
    refusal,
    refused_keys,
    with_block,
)


def sized(count: int, pod_cidr: str) -> str:
    lines = '  - {mac: "02:00:00:00:00:00", name: n0, roles: [control-plane, etcd]}\n'
    for i in range(1, count):
        lines += f'  - {{mac: "02:00:00:00:{i >> 8:02x}:{i & 255:02x}", name: n{i}, roles: [worker]}}\n'
    text = with_block("nodes", f"nodes:\n{lines}")
    return text.replace("version: v1.36.2", f"version: v1.36.2, pod_cidr: {pod_cidr}")


@pytest.mark.parametrize(
    ("count", "pod_cidr", "blocks"),
    [(6, "10.1.0.0/22", 4), (300, "10.1.0.0/16", 256), (2, "10.1.0.0/24", 1), (1, "10.1.0.0/25", 0)],
)
def test_more_nodes_than_blocks_are_refused_at_the_pod_range(count: int, pod_cidr: str, blocks: int) -> None:
    text = sized(count, pod_cidr)
    assert refused_keys(text) == ["kubernetes.pod_cidr"]
    assert f"{count} nodes, {blocks} blocks of /24" in refusal(text)


@pytest.mark.parametrize(("count", "pod_cidr"), [(6, "10.1.0.0/21"), (256, "10.1.0.0/16"), (1, "10.1.0.0/24")])
def test_as_many_blocks_as_nodes_pass(count: int, pod_cidr: str) -> None:
    accepted(sized(count, pod_cidr))
