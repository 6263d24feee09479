"""A rack of ten thousand: it can be described, and what is written of it is read back."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import ClusterDesc, InvalidDescription, Place, Role, dump, load_bytes, load_text
from kboot_clusterdesc.load import refuse_unreadable, size_of

NODES = 10_000
HEAD = """apiVersion: kboot/v1
cluster: {name: hall, domain: hall.example.com}
network:
  bootstrapper: 10.10.0.2
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.10, 10.10.200.254], lease: 24h}
nodes:
"""


def described(count: int) -> str:
    """A description of so many nodes, each with a name and an address."""
    macs = (f"52:54:00:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}" for i in range(count))
    return HEAD + "".join(
        f'  - {{mac: "{mac}", name: n{i}, ip: 10.10.{i // 250 + 1}.{i % 250 + 2}, roles: [worker]}}\n'
        for i, mac in enumerate(macs)
    )


@pytest.fixture(scope="module")
def hall() -> ClusterDesc:
    """Ten thousand nodes."""
    return load_text(described(NODES), "hall.yaml")


def test_ten_thousand_nodes_are_written_and_read_back_equal(hall: ClusterDesc) -> None:
    assert len(hall.nodes) == NODES
    assert load_bytes(dump(hall), "copy.yaml") == hall


@pytest.mark.parametrize("kind", ["values", "bytes"])
def test_what_could_not_be_read_back_is_refused_before_it_is_written(hall: ClusterDesc, kind: str) -> None:
    written = dump(hall)
    nodes = size_of(hall.model_dump(mode="json", by_alias=True, exclude_none=True))
    refuse_unreadable(hall, Place("hall.yaml", 1, 1), most_nodes=nodes, most_bytes=len(written))
    less = {"values": (nodes - 1, len(written)), "bytes": (nodes, len(written) - 1)}[kind]
    with pytest.raises(InvalidDescription, match="that can be read back"):
        refuse_unreadable(hall, Place("hall.yaml", 1, 1), most_nodes=less[0], most_bytes=less[1])


def test_a_copy_with_other_nodes_knows_their_roles() -> None:
    few = load_text(described(2), "few.yaml")
    assert few.control_planes == ()
    assert few.node_names == frozenset({"n0", "n1"})
    server = few.nodes[0].model_copy(update={"roles": (Role.CONTROL_PLANE, Role.ETCD), "name": "cp"})
    more = few.model_copy(update={"nodes": (server,)})
    assert more.control_planes == more.etcd_members == (server,)
    assert more.node_names == frozenset({"cp"})
