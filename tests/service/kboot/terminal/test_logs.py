"""`kboot logs`: of services by the real Compose from an engine that stands in, of machines by the real ssh."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot_compose.service_names import SERVICE_NAMES
from support.engine_stand_in import EngineStandIn
from support.ssh_server import SshServer, answering, ssh_program
from support.standing import StandingCluster

_SAID_AT = "2026-01-01T00:00:09.123Z"


@pytest.fixture
def talking(engine: EngineStandIn) -> EngineStandIn:
    """An engine whose services said five lines each."""
    for thing in engine.holds["containers"]:
        service = thing.labels.get("com.docker.compose.service")
        thing.said = [f"{service} said {number}" for number in range(5)] if service else ()
    return engine


def test_the_last_lines_of_one_service_are_printed_with_when_it_said_them(
    cluster: StandingCluster, talking: EngineStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("logs", "dnsmasq", "-n", "2") == 0
    assert capfd.readouterr().out == f"{_SAID_AT} dnsmasq said 3\n{_SAID_AT} dnsmasq said 4\n"


def test_a_line_that_says_its_time_has_no_second_one(
    cluster: StandingCluster, engine: EngineStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    line = '{"at": "2026-01-01T00:00:09.120Z", "level": "info", "event": "started"}'
    (server,) = [each for each in engine.holds["containers"] if each.name.endswith("cloudconfig-1")]
    server.said = [line, "Traceback (most recent call last):"]
    assert cluster.kboot("logs", "cloudconfig") == 0
    assert capfd.readouterr().out == f"{line}\n{_SAID_AT} Traceback (most recent call last):\n"


def test_without_a_name_each_line_has_the_service_that_said_it(
    cluster: StandingCluster, talking: EngineStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("logs", "-n", "1") == 0
    lines = [line.split(maxsplit=3) for line in capfd.readouterr().out.splitlines()]
    names = sorted(set(SERVICE_NAMES) - {"time"})
    assert sorted(lines) == [[f"{name}-1", "|", _SAID_AT, f"{name} said 4"] for name in names]


def test_a_machine_that_runs_is_asked_for_its_journal_by_ssh(
    cluster: StandingCluster, top: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ssh_program(top).items():
        monkeypatch.setenv(name, value)
    machine = SshServer()
    address = next(str(node.ip) for node in cluster.desc.nodes if node.name == "node5")
    cluster.install("node5", ssh_host_keys=[machine.host_key])
    with answering(machine, address):
        monkeypatch.setenv("SSH_PORT", str(machine.port))
        assert cluster.kboot("logs", "node5", "-n", "3") == 0
        assert capfd.readouterr().out == "done\n"
        assert cluster.kboot("logs", "node5", "-f") == 0
        capfd.readouterr()
        cluster.tell_units("node5", ("etcd.service", ["starting", "no space left"]))
        assert cluster.kboot("logs", "node5", "-n", "1") == 0
        assert capfd.readouterr().out == "etcd.service failed:\nno space left\ndone\n"
    journal = "sudo journalctl --boot --no-pager"
    assert machine.commands == [f"{journal} --lines={more}" for more in ("3", "100 --follow", "1")]


def test_a_service_without_a_container_is_said_to_have_no_log(
    cluster: StandingCluster, engine: EngineStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    hint = "  hint: `kboot status` says what is to run, `kboot up FILE` starts it\n"
    assert cluster.kboot("logs", "time") == 3
    assert capfd.readouterr() == ("", f"error: time has no container, so it has no log\n{hint}")
    engine.holds["containers"] = []
    assert cluster.kboot("logs") == 3
    assert capfd.readouterr() == ("", f"error: no service has a container, so there is no log\n{hint}")
