"""`kboot node apply` to members of a real etcd, on a real cloud-config server: it looks first."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.running.cloudconfig_client import CloudConfigClient
from kboot_clusterdesc import ClusterDesc
from support.etcd_rack import Make, Rack, fleet
from support.kubernetes_api import own_loopback

_OLD, _NEW = "kboot.lab/etcd:debian", "registry.k8s.io/etcd:3.5.21-0"


def _outdated(make: Make, *, members: int = 3, planes: int = 0) -> Rack:
    """A rack that runs, and whose config in force is a newer one."""
    network = own_loopback()

    def described(etcd: str) -> ClusterDesc:
        kubernetes = "kubernetes: {version: v1.36.2}\n" if planes else ""
        return fleet(network, members=members, planes=planes, more=f"images: {{etcd: '{etcd}'}}\n{kubernetes}")

    rack = make(described(_OLD))
    rack.switch_on()
    rack.edit(described(_NEW))
    return rack


def test_a_member_is_not_restarted_while_etcd_would_lose_its_quorum(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _outdated(make)
    rack.members["node1"].stop()
    rack.client.wait(rack.members["node2"])
    assert rack.apply("node2") == 3
    assert capsys.readouterr() == (
        "",
        "error: nothing was touched: 1 of 3 members of etcd would be left with a vote, and it takes 2: "
        "node1 does not answer\n  hint: wait until node1 votes again, as `kboot status` has it, and on a member "
        "`sudo kboot-etcd ctl member list`; `--force` does it all the same\n",
    )
    assert not asked.exists()
    assert rack.apply("node1") == 0  # the others decide without it
    assert rack.apply("node4") == 0  # a worker is no member
    capsys.readouterr()
    assert rack.apply("node2", "--force") == 0
    assert capsys.readouterr().err.startswith("note: 1 of 3 members of etcd would be left with a vote")


def test_it_has_rollouts_wait_and_is_refused_while_another_work_has_the_machines(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _outdated(make)
    server = CloudConfigClient(rack.cluster.folder, rack.cluster.desc)
    assert rack.apply("node2") == 0
    asked.unlink()
    capsys.readouterr()
    server.post("/v1/rollout/hold", {"by": "another work", "key": "k" * 32})  # it let go of its own
    assert rack.apply("node2") == 3
    said = capsys.readouterr().err
    assert said.startswith("error: nothing was touched: another work works on the machines\n")
    assert said.endswith("`kboot os rollout pause`, then run this again; `--force` does it all the same\n")
    assert not asked.exists()
    assert rack.apply("node4") == 0


def test_the_only_member_may_be_away_for_a_moment(make: Make, asked: Path) -> None:
    rack = _outdated(make, members=1)
    assert rack.apply("node1") == 0
    assert asked.exists()


def test_the_last_api_server_that_answers_is_not_restarted(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _outdated(make, planes=2)
    rack.start_api("node1")
    assert rack.apply("node1") == 3
    said = capsys.readouterr().err
    assert said.startswith(
        "error: nothing was touched: node1 has the last API server that answers: node2 does not answer\n"
    )
    assert not asked.exists()
    assert rack.apply("node2") == 0  # nothing answers there that could go
