"""The API server's name as dnsmasq answers for it: every control plane, in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, SERVED, Site, site
from support.dns_query import addresses_of, name_of

_NAME = "api.ail.example.com"
_ADDRESSES = ["10.10.14.11", "10.10.14.150", "10.10.14.12"]  # by MAC
_THREE = (
    SERVED.replace("roles: [etcd]", "roles: [control-plane, etcd]")
    .replace("ip: 10.10.14.150, roles: [worker]", "ip: 10.10.14.150, roles: [control-plane, etcd]")
    .replace("name: node3, roles: [worker]", "name: node3, ip: 10.10.14.12, roles: [control-plane, etcd]")
    .replace("10.10.14.199", "10.10.14.149")
    + "kubernetes: {version: v1.36.2}\n"
)


@pytest.fixture(scope="module")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three control planes; none of the machines has asked for anything yet."""
    with site("planes", _THREE, tmp_path_factory.mktemp("planes")) as running:
        yield running


def test_every_control_plane_is_in_each_answer(planes: Site) -> None:
    assert sorted(addresses_of(planes.machines, BOOTSTRAPPER, _NAME)) == sorted(_ADDRESSES)


def test_each_control_plane_is_the_first_one_in_turn(planes: Site) -> None:
    first = [addresses_of(planes.machines, BOOTSTRAPPER, _NAME)[0] for _ in range(3)]
    assert sorted(first) == sorted(_ADDRESSES)


def test_a_control_plane_keeps_its_own_name_in_reverse(planes: Site) -> None:
    assert name_of(planes.machines, BOOTSTRAPPER, "10.10.14.11") == "node1.ail.example.com"
