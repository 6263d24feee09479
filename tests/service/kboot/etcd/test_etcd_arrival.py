"""Kubernetes comes to a fleet that ran etcd alone, and etcd to another version: real etcd and cloud-config server."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from kboot.errors import NotYet
from kboot.etcd.snapshot_file import read_snapshot
from kboot.running.cloudconfig_client import CloudConfigClient
from kboot.running.ssh import Login
from kboot.upgrade.arrival import Arrival
from support.etcd_rack import Make, Rack, fleet
from support.kubernetes_api import own_loopback

_OLD, _NEW = "kboot.lab/etcd:debian", "registry.k8s.io/etcd:3.5.21-0"


def _coming(make: Make, etcd: str) -> Rack:
    """A rack that runs etcd alone, whose description in force has Kubernetes, and that etcd."""
    network = own_loopback()
    rack = make(fleet(network, planes=1, more=f"images: {{etcd: '{_OLD}'}}\n"))
    rack.switch_on()
    rack.edit(fleet(network, planes=1, more=f"images: {{etcd: '{etcd}'}}\nkubernetes: {{version: v1.36.2}}\n"))
    return rack


def _kubectl(rack: Rack) -> None:
    place = rack.cluster.folder.assets / "kubernetes" / "v1.36.2"
    place.mkdir(parents=True)
    content = b"#!/bin/sh\nexit 1\n"
    (place / "kubectl").write_bytes(content)
    (place / "kubectl").chmod(0o755)
    (place / "SHA256SUMS").write_text(f"{sha256(content).hexdigest()}  kubectl\n")


def _reached(asked: Path) -> list[str]:
    """The addresses in the order in which machines were first reached."""
    lines = asked.read_text().splitlines() if asked.exists() else []
    return list(dict.fromkeys(word for line in lines for word in line.split() if word.startswith("core@")))


def test_an_upgrade_plans_it_without_any_api_server(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _coming(make, _OLD)
    _kubectl(rack)
    assert rack.cluster.kboot("upgrade", "--dry-run", "--trust-first-contact") == 3  # no registry here
    said = capsys.readouterr().out
    assert said.startswith(
        "to v1.36.2, one line after the other:\n  node1\n  node2\n  node3\n  node4\nin the way: node images"
    )
    assert rack.cluster.kboot("upgrade", "--trust-first-contact") == 3
    assert "no API server" not in capsys.readouterr().err


def test_control_planes_come_before_workers_and_all_are_waited_for(make: Make, asked: Path) -> None:
    rack = _coming(make, _OLD)
    folder, desc = rack.cluster.folder, rack.cluster.desc
    server, said = CloudConfigClient(folder, desc), list[str]()
    login = Login(trusts_first_contact=True)
    with pytest.raises(NotYet, match="node1 has the config in force and is not well since: its API server does not an"):
        Arrival(folder, desc, server, login, said.append, Event(), 8).bring(desc.nodes)
    assert _reached(asked) == [f"core@{node.ip}" for node in desc.nodes[:3]]  # no worker before an API server answers
    rack.start_api("node1")
    with pytest.raises(NotYet, match=r"not Ready after 40 s: node1 \(.*\), node2 \(.*\), node3 \(.*\), node4 \("):
        Arrival(folder, desc, server, login, said.append, Event(), 40).bring(desc.nodes)
    assert _reached(asked) == [f"core@{node.ip}" for node in desc.nodes]
    rack.members["node3"].stop()
    rack.client.wait(rack.members["node2"])
    with pytest.raises(NotYet, match="stopped at node1: 1 of 3 members of etcd would be left with a vote"):
        Arrival(folder, desc, server, login, said.append, Event(), 8).bring(desc.nodes)


def test_before_the_version_of_etcd_changes_what_it_holds_is_saved(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _coming(make, _NEW)
    place = rack.cluster.folder.etcd_snapshots
    assert rack.apply("node4") == 0
    assert not place.exists()  # no member
    for _ in range(5):
        assert rack.apply("node2") == 0
        said = capsys.readouterr().err
        (newest,) = [path for path in place.iterdir() if str(path) in said]
        assert newest.name.startswith("before-3.5.21-")
        assert read_snapshot(newest).size_bytes > 0
    assert len(list(place.iterdir())) <= 3
