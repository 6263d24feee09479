"""The taints that a kubelet registers its node with."""

from __future__ import annotations

import pytest

from kboot.node.roles.kubelet import Taint, taints
from unit.clusterdesc.sample import accepted, spoilt

_KEY = "node-role.kubernetes.io/control-plane"


@pytest.mark.parametrize(
    ("declared", "wanted"),
    [
        ("db=x:NoSchedule", [Taint("db", "x", "NoSchedule"), Taint(_KEY, "", "NoSchedule")]),
        (f"{_KEY}:NoSchedule", [Taint(_KEY, "", "NoSchedule")]),
        (f"{_KEY}=yes:NoSchedule", [Taint(_KEY, "yes", "NoSchedule")]),
        (f"{_KEY}:NoExecute", [Taint(_KEY, "", "NoExecute"), Taint(_KEY, "", "NoSchedule")]),
    ],
)
def test_a_control_plane_has_its_own_taint_once_even_if_that_is_declared_too(
    declared: str, wanted: list[Taint]
) -> None:
    leader = accepted(spoilt(("name: node1", f'name: node1, taints: ["{declared}"]'))).nodes[0]
    assert taints(leader) == wanted
