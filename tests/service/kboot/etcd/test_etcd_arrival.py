"""Kubernetes comes to a fleet that ran etcd alone, and etcd to another version: real etcd and cloud-config server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
from support.kubernetes_api import api_node, node_list, own_loopback

_OLD, _NEW = "kboot.lab/etcd:debian", "registry.k8s.io/etcd:3.5.21-0"


def _coming(make: Make, etcd: str) -> Rack:
    """A rack that runs etcd alone, whose description in force has Kubernetes, and that etcd."""
    network = own_loopback()
    rack = make(fleet(network, planes=1, more=f"images: {{etcd: '{_OLD}'}}\n"))
    rack.switch_on()
    rack.edit(fleet(network, planes=1, more=f"images: {{etcd: '{etcd}'}}\nkubernetes: {{version: v1.36.2}}\n"))
    return rack


def _kubectl(rack: Rack, content: bytes = b"#!/bin/sh\nexit 1\n") -> None:
    place = rack.cluster.folder.assets / "kubernetes" / "v1.36.2"
    place.mkdir(parents=True)
    (place / "kubectl").write_bytes(content)
    (place / "kubectl").chmod(0o755)
    (place / "SHA256SUMS").write_text(f"{sha256(content).hexdigest()}  kubectl\n")


def _says(answers: Path, api: str, kubelets: dict[str, str]) -> bytes:
    """A kubectl that finds API servers of this version, and nodes with kubelets of theirs."""
    nodes = [api_node(name) for name in kubelets]
    for node, version in zip(nodes, kubelets.values(), strict=True):
        node["status"]["nodeInfo"]["kubeletVersion"] = version
    answers.mkdir(exist_ok=True)
    (answers / "nodes").write_text(json.dumps(node_list(nodes)))
    (answers / "pods").write_text('{"items": []}')
    (answers / "version").write_text(json.dumps({"serverVersion": {"gitVersion": api}}))
    return (
        f'#!/bin/sh\ncase " $* " in *" get nodes "*) what=nodes ;; *" get pods "*) what=pods ;; '
        f'*" version "*) what=version ;; *) exit 1 ;; esac\nexec cat "{answers}/$what"\n'
    ).encode()


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """A disk without room at the folder."""
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "kboot-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


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


def test_while_api_servers_are_behind_a_machine_that_never_was_a_node_waits_for_its_turn(
    make: Make, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = own_loopback()
    images = f"images: {{etcd: '{_OLD}'}}\n"
    rack = make(fleet(network, planes=1, more=f"{images}kubernetes: {{version: v1.35.4}}\n"))
    rack.switch_on()
    rack.start_api("node1")
    rack.edit(fleet(network, planes=1, more=f"{images}kubernetes: {{version: v1.36.2}}\n"))
    kubelets = dict.fromkeys(("node1", "node2", "node3"), "v1.35.4")
    answers, plan = tmp_path / "answers", ("upgrade", "--dry-run", "--json", "--trust-first-contact")
    _kubectl(rack, _says(answers, "v1.35.4", kubelets))
    capsys.readouterr()  # a first run fetches etcd, and says so
    assert rack.cluster.kboot(*plan) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["batches"] == [["node1"], ["node2"], ["node3"], ["node4"]]
    assert any(each.startswith("node4: the API server has no node of this name") for each in said["blocked"])
    _says(answers, "v1.36.2", kubelets | {"node1": "v1.36.2"})
    assert rack.cluster.kboot(*plan) == 3
    assert json.loads(capsys.readouterr().out)["batches"] == [["node4"]]  # it comes to Kubernetes, then the others


def test_a_snapshot_for_which_there_is_no_room_is_told_as_not_taken_and_forced_it_is_only_said(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _coming(make, _NEW)
    place = rack.cluster.folder.etcd_snapshots
    reason = f"etcd would come to 3.5.21, and {place}/before-3.5.21-"
    with _full(place):
        assert rack.apply("node2") == 3
        said = capsys.readouterr().err
        assert f"error: nothing was touched: {reason}" in said
        assert f"cannot be written: No space left on device\n  hint: make room in {place}; " in said
        assert "with `-o`" not in said  # of another command
        assert not asked.exists()
        assert rack.apply("node2", "--force") == 0
        assert f"note: {reason}" in capsys.readouterr().err
        assert asked.exists()
        assert list(place.iterdir()) == []
