"""Events, logs, undeclared machines and declarations, as they are typed, against a real server."""

from __future__ import annotations

import json

import pytest

from kboot.bring_up.outdated import outdated_note
from kboot.cli.main import run
from kboot.host.waiting import looks
from kboot.running.cloudconfig_client import CloudConfigClient
from kboot_clusterdesc import load
from support.engine_stand_in import EngineStandIn
from support.seeded import STRANGER, mac_of
from support.standing import StandingCluster
from support.statuses import NO_DISK


def _discovered(cluster: StandingCluster) -> None:
    server = CloudConfigClient(cluster.folder, cluster.desc)
    for _ in looks(30, 0.2):
        if server.get("/v1/nodes")["discovered"]:
            return
    raise AssertionError("the stranger is not discovered")


def test_events_are_chosen_by_machine_and_kind(cluster: StandingCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.kboot("events", "--node", "node3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {event["mac"] for event in found} == {mac_of(3)}
    assert [event["kind"] for event in found][-1] == "refused"
    assert cluster.kboot("events", "--kind", "failed", "--kind", "release", "-o", "yaml") == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "kind:" in line] == [
        "  kind: release",
        "  kind: failed",
    ]
    assert cluster.kboot("events", "--kind", "faild") == 2
    assert capsys.readouterr().err.startswith(
        "error: `faild` is not a kind of event\n  hint: did you mean `failed`? one of discovered, waiting, "
    )


def test_the_log_of_a_machine_that_is_not_installed_is_what_it_told(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("logs", "node2", "-n", "2") == 0
    out, err = capsys.readouterr()
    assert [line.split()[2:4] for line in out.splitlines()] == [["node2", "configured"], ["node2", "failed"]]
    assert err == "note: node2 is failed: these are its events; what else it says is on its console\n"
    assert cluster.kboot("logs", "node2", "-n", "0") == 0
    assert capsys.readouterr().out == ""
    assert cluster.kboot("logs", "nobody") == 2
    assert capsys.readouterr().err.startswith("error: `nobody` is no service and no node\n  hint: declared: rack1-")


def test_the_log_of_an_install_that_failed_has_the_lines_that_the_machine_told(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.fail_install("node5", "curl: (22) 404", ["fetching", "curl: (22) 404", "giving up"])
    assert cluster.kboot("logs", "node5", "-n", "2") == 0
    out, err = capsys.readouterr()
    assert err == (
        "note: node5 is failed: these are its events, and what it told of what failed; "
        "what else it says is on its console\n"
    )
    events, lines = out.splitlines()[:2], out.splitlines()[2:]
    assert [line.split()[2:4] for line in events] == [["node5", "installing"], ["node5", "failed"]]
    assert lines == ["the newest install that failed:", "curl: (22) 404", "giving up"]


def test_a_machine_is_shown_with_why_and_what_now(cluster: StandingCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.kboot("node", "show", "node2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "node2 failed for 5m",
        f"          {NO_DISK}",
        "next      kboot logs node2",
        "            what its install told",
    ]
    assert cluster.kboot("node", "show", "node2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reason"] == NO_DISK


def test_a_stranger_is_listed_with_its_line_declared_and_forgotten(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    _discovered(cluster)
    assert cluster.kboot("discovered") == 0
    (_, row) = capsys.readouterr().out.splitlines()
    line = f'- {{mac: "{STRANGER}", roles: [worker]}}'
    assert row.startswith(STRANGER)
    assert row.endswith(line)

    file = cluster.folder.root / "rack.yaml"
    text = cluster.folder.description.read_text()
    file.write_text(f"# ours\n{text}")
    file.chmod(0o640)
    words = ["node", "declare", STRANGER.dashed, "--name", "node9", "--role", "worker", "--file", str(file)]
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert out == f'- {{mac: "{STRANGER}", name: node9, roles: [worker]}}\n'
    assert err == f"wrote it into {file}; next: `kboot diff {file}`, `kboot up {file}`\n"
    assert file.read_text().startswith("# ours\n")
    assert file.stat().st_mode & 0o777 == 0o640
    assert [node.name for node in load(file).nodes] == [*(node.name for node in cluster.desc.nodes), "node9"]
    assert run(words) == 2
    assert str(file) in capsys.readouterr().err

    assert cluster.kboot("node", "forget", STRANGER) == 0
    assert capsys.readouterr().out == f"{STRANGER} is forgotten\n"
    assert cluster.kboot("discovered", "-o", "name") == 0
    assert capsys.readouterr().out == ""
    assert cluster.kboot("node", "forget", "node2") == 1
    assert "409 " in capsys.readouterr().err


def test_a_machine_of_the_lab_that_nobody_declared_is_removed_and_forgotten(
    cluster: StandingCluster, engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    _discovered(cluster)
    place = cluster.folder.lab / "machines" / STRANGER.dashed
    place.mkdir(parents=True)
    (place / "disk0").write_bytes(b"what it had")
    assert cluster.kboot("lab", "remove", STRANGER) == 0
    assert capsys.readouterr() == (f"{STRANGER.dashed} is removed\n", "")
    assert engine.removed == [f"kboot-ail-machine-{STRANGER.dashed}"]
    assert not place.exists()
    assert cluster.kboot("discovered", "-o", "name") == 0
    assert capsys.readouterr().out == ""
    assert cluster.kboot("lab", "remove", STRANGER) == 2
    assert capsys.readouterr().err == f"error: `{STRANGER}` is not a machine of the lab\n  hint: there are: node1\n"


def test_a_machine_of_the_lab_that_is_declared_stays(
    cluster: StandingCluster, engine: EngineStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("lab", "remove", "node1") == 2
    assert capsys.readouterr().err == (
        "error: node1 is declared\n  hint: take it out of the description, `kboot lab up FILE`, then this again; "
        "`kboot lab power node1 off` only switches it off\n"
    )
    assert engine.removed == []


def test_machines_with_an_older_config_are_named_with_what_brings_the_one_in_force(cluster: StandingCluster) -> None:
    note = outdated_note(cluster.folder, cluster.desc)
    assert note == (
        "rack1-control-plane runs an older config; `kboot node apply rack1-control-plane` brings the one in force"
    )
    cluster.stop()
    assert outdated_note(cluster.folder, cluster.desc) is None
