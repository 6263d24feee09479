"""What `kboot upgrade` tells the cloud-config server, whose far side is played."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from kboot.errors import KbootError, NotYet
from kboot.running.kubectl import Kubectl
from kboot.running.ssh import Login
from kboot.upgrade.hold import BY, HoldLost, RolloutHold, Turn, refuse_trouble, rollouts_held
from kboot.upgrade.live import LiveNodes
from kboot.upgrade.plan import Work
from kboot.upgrade.roll import Interrupted
from kboot_clusterdesc import ClusterFolder, Mac
from support.fleets import Fleet
from support.hold_far_side import HoldFarSide

MAC = Mac("52:54:00:00:00:01")


def test_rollouts_wait_as_long_as_it_lasts_and_a_machine_is_given_its_turn_meanwhile() -> None:
    server = HoldFarSide({})
    with rollouts_held(server, print, Event()) as hold:
        hold.give(MAC, Turn.FETCH)
        hold.give(MAC, Turn.REBOOT)
        hold.give(MAC, None)
    assert {path for path, _ in server.told} == {"/v1/rollout/hold"}
    assert [(body["turns"], body["ends"]) for _, body in server.told] == [
        ({}, False),
        ({str(MAC): "fetch"}, False),
        ({str(MAC): "reboot"}, False),
        ({}, False),
        ({}, True),
    ]
    assert len({body["key"] for _, body in server.told}) == 1
    assert not any("release" in body for _, body in server.told)


def test_an_upgrade_takes_up_the_hold_of_one_that_was_killed_and_brings_machines_to_its_own_release() -> None:
    killed, server = HoldFarSide({}), HoldFarSide({})
    RolloutHold(killed).tell()
    with rollouts_held(server, print, Event(), release="4230.2.3"):
        pass
    assert {body["key"] for _, body in [*killed.told, *server.told]} == {server.key_for(BY)}
    assert [body["release"] for _, body in server.told] == ["4230.2.3", "4230.2.3"]


def test_an_upgrade_is_refused_while_a_rollout_is_under_way_and_says_how_to_pause_it() -> None:
    said = "/v1/rollout/hold: the cloud-config server answers 409 a rollout is under way: w1 is draining"
    with pytest.raises(NotYet) as refused, rollouts_held(HoldFarSide(KbootError(said)), print, Event()):
        raise AssertionError("it must not begin")
    assert refused.value.message == "nothing was touched: a rollout is under way: w1 is draining"
    assert "`kboot os rollout pause`" in refused.value.hint


def test_a_fault_of_another_kind_is_told_as_it_is() -> None:
    with (
        pytest.raises(KbootError, match="does not answer"),
        rollouts_held(HoldFarSide(KbootError("does not answer")), print, Event()),
    ):
        raise AssertionError("it must not begin")


def test_a_shut_gate_keeps_a_machine_up() -> None:
    server = HoldFarSide({"trouble": "the etcd member node2 does not answer"})
    with pytest.raises(NotYet, match="the etcd member node2 does not answer"):
        refuse_trouble(server, "node1", timeout_s=0)
    assert server.told[0] == ("/v1/rollout/gate", {"besides": "node1"})
    server.answers = {"trouble": None}
    refuse_trouble(server, "node1", timeout_s=0)


LOST = KbootError("/v1/rollout/hold: the cloud-config server answers 409 a rollout is under way: w1 is draining")


def test_a_hold_that_was_lost_stops_the_work_and_is_told_as_the_reason() -> None:
    server, said, stop = HoldFarSide({}), list[str](), Event()

    def work() -> None:
        with rollouts_held(server, said.append, stop, again_s=0.01):
            server.answers = LOST
            assert stop.wait(60)
            server.answers = {}
            raise Interrupted("stopped before step `drain` of node1")

    with pytest.raises(HoldLost) as refused:
        work()
    lost = "rollouts do not wait for `kboot upgrade` any more: a rollout is under way: w1 is draining"
    assert said == [lost]
    assert refused.value.message == f"{lost}; stopped before step `drain` of node1"
    assert server.told[-1][1]["ends"] is False


def test_who_held_rollouts_and_the_own_way_out_are_named_once_the_hold_is_lost() -> None:
    server = HoldFarSide({})
    with rollouts_held(server, print, Event(), by="`kboot node apply`", hint="another way") as hold:
        server.answers = LOST
        with pytest.raises(HoldLost, match=r"^rollouts do not wait for `kboot node apply` any more: ") as lost:
            hold.tell()
    assert lost.value.hint == "another way"


def test_a_server_that_does_not_answer_for_a_moment_stops_nothing() -> None:
    server, said, stop = HoldFarSide({}), list[str](), Event()
    heard = Event()

    def say(line: str) -> None:
        said.append(line)
        server.answers = {}
        heard.set()

    with rollouts_held(server, say, stop, again_s=0.01):
        server.answers = KbootError("does not answer")
        assert heard.wait(60)
    assert said[0] == "rollouts wait for five minutes at most: does not answer"
    assert (stop.is_set(), server.told[-1][1]["ends"]) == (False, True)


def test_no_node_is_begun_once_the_hold_was_lost(tmp_path: Path) -> None:
    desc, server = Fleet().desc, HoldFarSide({})
    folder = ClusterFolder(tmp_path, "ail")
    tool = Kubectl(tmp_path / "kubectl", tmp_path, (), list)
    live = LiveNodes(folder, desc, "v1.36.2", tool, print, login=Login(), timeout_s=1)
    with rollouts_held(server, print, Event()) as hold:
        live.take_turns_from(hold, Event())
        server.answers = LOST
        with pytest.raises(HoldLost):
            live.begin(Work(desc.nodes[0].name, desc.nodes[0].roles, applies=True, drains=True))
