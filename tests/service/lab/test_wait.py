"""What `kboot lab up` waits for, as the cloud-config server of a standing lab tells it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from kboot.errors import NotYet
from kboot.host.engine import Engine, ServiceState
from kboot.host.progress import Progress
from kboot.running.status import Status
from kboot_clusterdesc import Phase, load_text
from kboot_lab.wait import outdated_note, wait_for, waits_in_vain
from support.kubernetes_api import own_loopback
from support.standing import StandingCluster


class Services:
    """The engine, as far as it is asked: every service is up."""

    def services(self) -> list[ServiceState]:
        """None is down."""
        return []


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[StandingCluster]:
    """A worker, then a control plane, with Kubernetes in force."""
    network = own_loopback()
    text = (
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n"
        "kubernetes: {version: v1.36.2}\nnodes:\n"
        f'  - {{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [worker]}}\n'
        f'  - {{mac: "02:00:00:00:00:02", name: node2, ip: {network}.12, roles: [control-plane, etcd]}}\n'
    )
    made = StandingCluster(tmp_path, load_text(text, "unit.yaml"))
    made.start()
    yield made
    made.stop()


def waited(lab: StandingCluster, phase: Phase, grace_s: float = 0) -> Status:
    """What is reached within some seconds."""
    engine = cast(Engine, Services())
    return wait_for(phase, lab.folder, engine, Progress(io.StringIO()), 3, grace_s=grace_s)


def test_a_machine_whose_config_knows_nothing_of_kubernetes_is_not_waited_for(lab: StandingCluster) -> None:
    for name in ("node1", "node2"):
        lab.install(name, config="0" * 64)
    assert {node["config"] for node in waited(lab, Phase.RUNNING).nodes} == {"outdated"}
    with pytest.raises(NotYet) as refused:
        waited(lab, Phase.READY)
    where = f"--root {lab.folder.root} --cluster unit --identity {lab.folder.lab / 'ssh_key'} --trust-first-contact"
    assert str(refused.value) == (
        "node2, node1 run an older config (outdated), and will not be ready with it\n"
        f"  hint: `kboot upgrade {where}`, or `kboot node apply node2 {where}`"
    )


def test_a_machine_with_an_older_config_may_be_ready_yet_where_kubernetes_was_in_force_before(
    lab: StandingCluster,
) -> None:
    for name in ("node1", "node2"):
        lab.install(name, config="0" * 64)
    with pytest.raises(NotYet, match="not ready after 3 s"):
        waited(lab, Phase.READY, grace_s=60)


def test_what_is_outdated_at_the_end_is_said_with_the_command(
    lab: StandingCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.install("node1")
    lab.install("node2", config="0" * 64)
    nodes = waited(lab, Phase.RUNNING).nodes
    where = f"--cluster unit --identity {lab.folder.lab / 'ssh_key'}"
    assert outdated_note(nodes, lab.folder) == (
        f"note: node2 runs an older config (outdated); `kboot node apply node2 --root {lab.folder.root} {where} "
        "--trust-first-contact`, control planes first"
    )
    monkeypatch.setenv("KBOOT_ROOT", str(lab.folder.root))
    told = [{**node, "ssh_host_keys": ["ssh-ed25519 AAAA"]} for node in nodes]
    assert f"`kboot node apply node2 {where}`" in (outdated_note(told, lab.folder) or "")
    assert outdated_note(nodes[:1], lab.folder) is None


def test_a_machine_with_the_config_in_force_is_waited_for(lab: StandingCluster) -> None:
    for name in ("node1", "node2"):
        lab.install(name)
    with pytest.raises(NotYet, match="not ready after 3 s"):
        waited(lab, Phase.READY)


def test_where_an_api_server_answers_the_upgrade_is_named_and_who_was_ready_comes_back(lab: StandingCluster) -> None:
    def node(name: str, phase: str, *before: str) -> dict[str, Any]:
        phases = dict.fromkeys((*before, phase), "…")
        keys = ["ssh-ed25519 AAAA"]
        return {
            "name": name,
            "roles": ["worker"],
            "phase": phase,
            "config": "outdated",
            "phases": phases,
            "ssh_host_keys": keys,
        }

    stuck = waits_in_vain(Phase.READY, [node("a", "ready", "running"), node("b", "running")], lab.folder)
    where = f"--root {lab.folder.root} --cluster unit --identity {lab.folder.lab / 'ssh_key'}"
    assert stuck is not None
    assert stuck.message == "b runs an older config (outdated), and will not be ready with it"
    assert stuck.hint == f"`kboot upgrade {where}`, or `kboot node apply b {where}`"
    assert waits_in_vain(Phase.READY, [node("a", "running", "ready")], lab.folder) is None
    assert waits_in_vain(Phase.READY, [node("a", "installing")], lab.folder) is None
    assert waits_in_vain(Phase.RUNNING, [node("a", "running")], lab.folder) is None
