"""`kboot node apply` to members of a real etcd, on a real cloud-config server: it looks first."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from kboot.host.waiting import looks
from kboot.running.cloudconfig_client import CloudConfigClient
from kboot_clusterdesc import ClusterDesc, Role
from support.etcd import Member
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
    capsys.readouterr()  # a first run fetches etcd, and says so
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


def test_a_member_that_is_taken_to_have_its_config_is_looked_at_and_waited_for_too(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = make(fleet(own_loopback(), members=3, more=f"images: {{etcd: '{_OLD}'}}\n"))
    rack.switch_on()
    server = CloudConfigClient(rack.cluster.folder, rack.cluster.desc)
    assert {node["config"] for node in server.nodes()} == {"current"}
    rack.members["node1"].stop()
    rack.client.wait(rack.members["node2"])
    assert rack.apply("node2") == 3
    assert capsys.readouterr().err.startswith(
        "error: nothing was touched: 1 of 3 members of etcd would be left with a vote, and it takes 2"
    )
    assert not asked.exists()

    rack.members["node1"].start()
    rack.client.wait(rack.members["node1"])
    _restarts(asked)
    gone = _once_asked(asked, rack.members["node2"], away_s=None)
    assert rack.apply("node2", "--timeout", "10") == 3
    gone.join()
    assert "node2 has the config in force and is not well since" in capsys.readouterr().err


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


def _restarts(asked: Path) -> None:
    """Have a machine that is reached say that etcd starts anew there."""
    tool = asked.parent / "bin" / "ssh"
    tool.write_text(f'{tool.read_text()}echo "restarted etcd-member.service"\n')


def _once_asked(asked: Path, member: Member, away_s: float | None) -> Thread:
    """Have a member stop once its machine was reached, and come back after so long; None: never."""

    def run() -> None:
        assert any(asked.exists() for _ in looks(60, 0.1))
        member.stop()
        if away_s is not None:
            list(looks(away_s))
            member.start()

    thread = Thread(target=run)
    thread.start()
    return thread


def test_it_is_through_once_the_member_votes_again_so_that_the_next_one_may_follow(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = _outdated(make)
    _restarts(asked)
    late = _once_asked(asked, rack.members["node2"], away_s=8)
    code = rack.apply("node2")
    is_through_too_early = late.is_alive()
    late.join()
    assert (code, is_through_too_early) == (0, False)
    rack.client.put(rack.members["node2"])

    asked.unlink()
    capsys.readouterr()
    gone = _once_asked(asked, rack.members["node3"], away_s=None)
    assert rack.apply("node3", "--timeout", "10") == 3
    gone.join()
    saved, _, error = capsys.readouterr().err.partition("error: ")
    assert "etcd comes to 3.5.21: what it holds is saved in " in saved
    assert error.startswith(
        "node3 has the config in force and is not well since: its etcd member does not answer\n"
        "  hint: touch no other machine before `kboot status` calls it well\n"
    )


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


def test_one_member_becomes_three_machine_by_machine(
    make: Make, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = own_loopback()
    grown = fleet(network, planes=1, more=f"images: {{etcd: '{_OLD}'}}\n")
    first, *others = grown.nodes
    alone = grown.model_copy(
        update={"nodes": (first, *(node.model_copy(update={"roles": (Role.WORKER,)}) for node in others))}
    )
    rack = make(alone)
    rack.switch_on()
    rack.edit(grown)
    for name in ("node2", "node3", "node1"):  # etcd knows neither of the two yet, and its only voter comes back
        assert rack.apply(name) == 0, capsys.readouterr().err
    assert rack.reinstall("node1") == (3, False)
    assert "node1 is the only member of etcd, and what it holds would be lost" in capsys.readouterr().err
    assert rack.reinstall("node3") == (0, True)
    server = CloudConfigClient(rack.cluster.folder, grown)
    for besides in ("node1", "node2", ""):
        trouble = str(server.post("/v1/rollout/gate", {"besides": besides})["trouble"])
        assert "etcd" not in trouble, trouble
    rack.members["node1"].stop()
    assert "the etcd member node" in str(server.post("/v1/rollout/gate", {"besides": "node2"})["trouble"])
