"""What `kboot init` finds of this machine."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from kboot.describe.remarks import remarks
from kboot.describe.starter import starter
from kboot.describe.surroundings import Place, callers_keys, places_in
from kboot_clusterdesc import load_text

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh kim@desk"


def _link(name: str, address: str, prefix: int, scope: str = "global") -> dict[str, object]:
    return {"ifname": name, "addr_info": [{"local": address, "prefixlen": prefix, "scope": scope}]}


def test_networks_of_its_own_cards_are_found_that_of_the_default_route_last() -> None:
    links = [
        _link("lo", "127.0.0.1", 8, "host"),
        _link("eth0", "192.0.2.10", 24),
        _link("docker0", "172.17.0.1", 16),
        _link("eth1", "10.10.14.253", 24),
        _link("ppp0", "192.0.2.200", 32),
    ]
    routes = [{"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"}]
    assert places_in(links, routes) == [
        Place("eth1", IPv4Address("10.10.14.253"), IPv4Network("10.10.14.0/24")),
        Place("eth0", IPv4Address("192.0.2.10"), IPv4Network("192.0.2.0/24"), IPv4Address("192.0.2.1")),
    ]


def test_a_description_of_what_was_found_is_sound() -> None:
    text = starter(
        "rack", IPv4Address("192.0.2.10"), IPv4Network("192.0.2.0/24"), router=IPv4Address("192.0.2.1"), ssh_keys=[_KEY]
    )
    desc = load_text(text, "init")
    assert desc.network.bootstrapper == IPv4Address("192.0.2.10")
    assert [str(router) for router in desc.network.routers] == ["192.0.2.1"]
    assert list(desc.ssh_authorized_keys) == [_KEY]
    # Nothing that it proposes is without effect; the key of this test is the documents' own.
    assert [each.partition(":")[0] for each in remarks(desc)] == ["ssh_authorized_keys"]


def test_the_callers_public_keys_are_taken_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert callers_keys() == []
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text(f"{_KEY}\n")
    (tmp_path / ".ssh" / "id_ed25519").write_text("a private key\n")
    (tmp_path / ".ssh" / "id_odd.pub").write_text("no key at all\n")
    (tmp_path / ".ssh" / "id_dsa.pub").write_text("ssh-dss AAAAB3NzaC1kc3MAAACBAJ kim@desk\n")
    (tmp_path / ".ssh" / "id_ed25519-cert.pub").write_text("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1l kim@desk\n")
    (tmp_path / ".ssh" / "id_rsa.pub").write_text("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7\n")
    assert callers_keys() == [_KEY]
