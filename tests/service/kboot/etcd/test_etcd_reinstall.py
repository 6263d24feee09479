"""`kboot node reinstall` of members of a real etcd, on a real cloud-config server: it looks first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc import Role
from support.certificates import end
from support.etcd import description
from support.etcd_rack import Make, Rack, fleet
from support.kubernetes_api import own_loopback

_MEMBERS = ("node1", "node2", "node3")
_ARMED = "{0} is armed: it installs itself at its next network boot - power-cycle it\n"
Err = Callable[[], str]


@pytest.fixture
def rack(make: Make) -> Rack:
    """Three members and a worker, all running."""
    started = make(fleet(own_loopback()))
    started.switch_on()
    return started


@pytest.fixture
def err(capsys: pytest.CaptureFixture[str]) -> Err:
    return lambda: capsys.readouterr().err


def test_of_three_healthy_members_one_can_be_armed_and_no_second(
    rack: Rack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rack.reinstall("node1") == (0, True)
    assert capsys.readouterr() == (_ARMED.format("node1"), "")
    assert rack.reinstall("node2") == (3, False)
    assert capsys.readouterr() == (
        "",
        "error: node2 is not armed: 1 of 3 members of etcd would be left with a vote, and it takes 2: "
        "node1 is armed and not yet power-cycled\n"
        "  hint: wait until node1 votes again, as `kboot status` has it, and on a member "
        "`sudo kboot-etcd ctl member list`; "
        "`kboot node disarm node1` takes an arming back; `--force` arms it all the same\n",
    )
    assert rack.reinstall("node1") == (0, True)  # armed already: nothing more goes
    assert rack.cluster.kboot("node", "disarm", "node1") == 0
    assert rack.reinstall("node2") == (0, True)


def test_while_a_member_does_not_answer_no_other_is_armed_but_itself(rack: Rack, err: Err) -> None:
    rack.members["node1"].stop()
    rack.client.wait(rack.members["node2"])
    assert rack.reinstall("node2") == (3, False)
    assert "and it takes 2: node1 does not answer\n" in err()
    assert rack.reinstall("node4") == (0, True)  # a worker is no member
    assert rack.reinstall("node1") == (0, True)  # the others decide without it


def test_a_learner_has_no_vote_however_healthy_it_is(rack: Rack, err: Err) -> None:
    node1, node2 = rack.members["node1"], rack.members["node2"]
    node1.forget()
    rack.client.wait(node2)
    rack.client.make_learner(node2, node1)
    node1.start(joining=True)
    said = ""
    for _ in looks(60, 1):
        assert rack.reinstall("node2") == (3, False)
        said = err()
        if "does not answer" not in said:
            break
    assert "node1 is a learner still, without a vote" in said, node1.log()


def test_while_the_state_is_lost_members_that_are_away_may_hold_what_there_is(rack: Rack, err: Err) -> None:
    rack.cluster.stop()
    for path in rack.cluster.folder.state.iterdir():
        path.unlink()
    for member in rack.members.values():
        member.stop()
    rack.cluster.start()
    for name in _MEMBERS:
        assert rack.reinstall(name) == (3, False)
        assert "of 3 members of etcd would be left with a vote, and it takes 2" in err()
    assert rack.cluster.kboot("node", "settle") == 0
    assert rack.reinstall("node1") == (3, False)
    assert rack.reinstall("node4") == (0, True)


def test_force_arms_and_says_what_goes(rack: Rack, capsys: pytest.CaptureFixture[str]) -> None:
    for name in _MEMBERS[:2]:
        rack.members[name].stop()
    assert rack.reinstall("node3", "--force") == (0, True)
    out, said = capsys.readouterr()
    assert out == _ARMED.format("node3")
    assert said.startswith("note: 0 of 3 members of etcd would be left with a vote, and it takes 2: node1 does not an")


def test_who_lost_the_role_and_not_its_vote_stays_until_that_is_taken_away(make: Make, err: Err, asked: Path) -> None:
    network = own_loopback()
    rack = make(fleet(network))
    rack.switch_on()
    first, *others = fleet(network).nodes
    workers = [node.model_copy(update={"roles": (Role.WORKER,)}) for node in others]
    rack.edit(fleet(network).model_copy(update={"nodes": (first, *workers)}))
    err()
    for name in _MEMBERS[1:]:
        assert rack.reinstall(name) == (3, False)
        assert f"{name} is declared as no member of etcd, and has a vote there still" in err()
        assert rack.apply(name) == 3
        said = err()
        found = re.search(r"on node1 `sudo kboot-etcd ctl member remove ([0-9a-f]+)` takes the vote away", said)
        assert found is not None, said
        assert not asked.exists()
        rack.client.remove(rack.members["node1"], int(found[1], 16))
        assert rack.reinstall(name) == (0, True)
    rack.client.wait(rack.members["node1"])


def test_the_only_member_goes_with_its_data(make: Make, err: Err) -> None:
    rack = make(fleet(own_loopback(), members=1))
    assert rack.reinstall("node1") == (0, True)  # it is armed from the start
    assert rack.cluster.kboot("node", "disarm", "node1") == 0
    assert rack.reinstall("node1") == (0, True)  # and was never installed
    rack.switch_on()
    err()
    assert rack.reinstall("node1") == (3, False)
    assert err() == (
        "error: node1 is not armed: node1 is the only member of etcd, and what it holds would be lost\n"
        "  hint: `kboot etcd snapshot` saves that, `kboot etcd restore` puts it back; `--force` arms it all the same\n"
    )
    rack.members["node1"].stop()  # its disk still has everything
    assert rack.reinstall("node1") == (3, False)
    assert rack.reinstall("node1", "--force") == (0, True)


def test_the_last_api_server_that_answers_stays(make: Make, err: Err) -> None:
    rack = make(fleet(own_loopback(), planes=2, more="kubernetes: {version: v1.36.2}\n"))
    rack.switch_on()
    rack.start_api("node1")
    assert rack.reinstall("node1") == (3, False)
    assert err() == (
        "error: node1 is not armed: node1 has the last API server that answers: node2 does not answer\n"
        "  hint: wait until `kboot status` calls another one ready; `--force` arms it all the same\n"
    )
    assert rack.reinstall("node2") == (0, True)  # nothing answers there that could go
    assert rack.cluster.kboot("node", "disarm", "node2") == 0
    rack.start_api("node2")
    assert rack.reinstall("node1") == (0, True)


def test_certificates_that_have_ended_are_not_handed_out(make: Make, err: Err) -> None:
    desc = description(own_loopback())
    rack = make(desc)
    rack.switch_on()
    pki, at = rack.cluster.folder.pki, datetime.now(UTC) - timedelta(days=35)
    end(pki / "nodes" / "02-00-00-00-00-01" / "etcd-server.pem", pki / "etcd-ca.pem", at)
    rack.cluster.up()
    ended = f"{at:%Y-%m-%d}"
    assert rack.reinstall("node2") == (0, True)  # its own are good
    assert rack.cluster.kboot("node", "disarm", "node2") == 0
    assert rack.reinstall("node1") == (3, False)
    assert err() == (
        f"error: node1 is not armed: certificates of node1 have ended: etcd-server ({ended})\n"
        "  hint: `kboot certs renew --node node1`, then `kboot up FILE`; `--force` arms it all the same\n"
    )
    assert rack.cluster.kboot("certs", "renew", "--node", "node1") == 0
    err()
    assert rack.reinstall("node1") == (3, False)
    assert err() == (
        "error: node1 is not armed: the config of node1 holds certificates that have ended: /etc/etcd/pki/server.pem\n"
        "  hint: `kboot up FILE` renders those that were renewed; `--force` arms it all the same\n"
    )
    kept = rack.cluster.folder.node(desc.nodes[0].mac) / "node-config.json"
    kept.unlink()
    assert rack.reinstall("node1") == (3, False)
    assert err() == (
        f"error: node1 is not armed: nobody looked at the certificates in the config of node1: {kept}: is not there: "
        "an older kboot rendered this cluster\n"
        "  hint: run `kboot up` first; `--force` arms it all the same\n"
    )
    rack.cluster.up()
    assert rack.reinstall("node1") == (0, True)
