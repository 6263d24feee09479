"""`kboot inventory` of a cluster that stands, read by those whom it is for: Ansible, ssh and ssh-keygen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot_clusterdesc import load_text
from support.kubernetes_api import own_loopback
from support.standing import StandingCluster

_BIN = Path(sys.executable).parent
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[StandingCluster]:
    """Of two machines, one that told its host key and one without an address."""
    network = own_loopback()
    text = (
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\nnodes:\n"
        f'  - {{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [worker], labels: {{rack: "1"}}}}\n'
        '  - {mac: "02:00:00:00:00:02", roles: [control-plane, etcd]}\n'
    )
    made = StandingCluster(tmp_path / "root", load_text(text, "unit.yaml"))
    made.start()
    made.install("node1", ssh_host_keys=[_KEY])
    yield made
    made.stop()


def _printed(cluster: StandingCluster, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cluster.kboot("inventory", *words) == 0
    return capsys.readouterr().out


def _ran(*command: str | Path, **environment: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment or None).stdout


def test_ssh_goes_to_the_machine_as_the_account_that_it_has_and_by_the_key_that_it_told(
    cluster: StandingCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, known = tmp_path / "config", tmp_path / "known"
    config.write_text(_printed(cluster, capsys, "--ssh-config"))
    known.write_text(_printed(cluster, capsys, "--known-hosts"))
    for name in ("node1", "node1.unit.example.com"):
        options = dict(line.split(" ", 1) for line in _ran("ssh", "-G", "-F", config, name).splitlines() if " " in line)
        assert options["hostname"] == str(cluster.desc.nodes[0].ip)
        assert options["user"] == "core"
        assert _KEY in _ran("ssh-keygen", "-F", options["hostkeyalias"], "-f", known)


def test_an_inventory_script_of_two_lines_tells_ansible_all_of_it(cluster: StandingCluster, tmp_path: Path) -> None:
    script = tmp_path / "ail.sh"
    script.write_text(f'#!/bin/sh\nexec {_BIN}/kboot inventory --ansible --root {cluster.folder.root} "$@"\n')
    script.chmod(0o755)
    tool = (_BIN / "ansible-inventory", "-i", script)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
    }
    found = json.loads(_ran(*tool, "--list", **env))
    assert found["worker"]["hosts"] == found["phase_running"]["hosts"] == ["node1"]
    assert found["control_plane"]["hosts"] == ["02-00-00-00-00-02"]
    one = json.loads(_ran(*tool, "--host", "node1", **env))
    assert (one["ansible_host"], one["ansible_user"]) == (str(cluster.desc.nodes[0].ip), "core")
    assert (one["kboot_labels"], one["kboot_os_version"]) == ({"rack": "1"}, "3975.2.0")
    assert json.loads(_ran(script, "--host", "node1")).items() <= one.items()


def test_a_machine_without_an_address_is_left_out_and_said(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("inventory", "--hosts") == 0
    out, err = capsys.readouterr()
    assert f"{cluster.desc.nodes[0].ip} node1.unit.example.com node1\n" in out
    assert err == "note: without an address yet, so left out: 02-00-00-00-00-02\n"


def test_an_inventory_that_nobody_can_tell_is_no_empty_one(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.stop()
    assert cluster.kboot("inventory", "--ansible") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "does not answer" in err


def test_what_ansible_asks_is_asked_of_its_form_alone(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("inventory", "--hosts", "--list") == 2
    assert capsys.readouterr().err == (
        "error: `--list` and `--host` are what Ansible asks an inventory script\n  hint: say `--ansible` too\n"
    )
