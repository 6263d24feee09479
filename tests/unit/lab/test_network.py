"""Which addresses of the subnet the lab takes, and that it keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load_text
from kboot_lab.addresses import lab_addresses
from kboot_lab.network import settled_addresses

_TEXT = """apiVersion: kboot/v1
cluster: {name: lab, domain: lab.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.100, 10.10.14.199]}
  routers: [10.10.14.254]
nodes: [{mac: "52:54:00:0a:0e:01", name: node1, ip: 10.10.14.11, roles: [worker]}]
"""


def described(*changes: tuple[str, str]) -> ClusterDesc:
    text = _TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_text(text, "lab.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """The folder of a lab that came up with the description as it is."""
    made = ClusterFolder(tmp_path, "lab")
    made.lab.mkdir(parents=True)
    assert settled_addresses(made, described()) == lab_addresses(described())
    return made


def test_a_range_that_moves_elsewhere_leaves_a_standing_network_as_it_is(folder: ClusterFolder) -> None:
    moved = described(("100, 10.10.14.199", "12, 10.10.14.40"))
    assert lab_addresses(moved) != lab_addresses(described())
    assert settled_addresses(folder, moved) == lab_addresses(described())


@pytest.mark.parametrize(
    "change",
    [
        ("100, 10.10.14.199", "2, 10.10.14.250"),
        ("10.10.14.254", "10.10.14.252"),
        ("10.10.14.0/24", "10.10.14.0/25"),
        ("ip: 10.10.14.11", "ip: 10.10.14.{pool}"),
        ("  routers: [10.10.14.254]\n", "  hosts: {nas.lab.example.com: 10.10.14.254}\n"),
    ],
)
def test_what_a_standing_network_cannot_follow_is_refused_with_the_way_out(
    folder: ClusterFolder, change: tuple[str, str]
) -> None:
    old, new = change
    pool = str(lab_addresses(described()).ip_range[1]).rpartition(".")[2]
    changes = [(old, new.format(pool=pool) if "{pool}" in new else new)]
    if "/25" in new:
        changes += [("253", "125"), ("254", "126"), ("100, 10.10.14.199", "60, 10.10.14.90")]
    with pytest.raises(BadInput) as refused:
        settled_addresses(folder, described(*changes))
    assert "kboot lab down --cluster lab" in str(refused.value.hint)
