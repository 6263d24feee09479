"""What comes after the first day: a reinstall, a new machine, a snapshot of etcd, a changed config, in one lab."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kboot.host.engine import Engine
from kboot.host.waiting import looks
from machine.etcd_members import etcdctl, healthy_members, put
from machine.requests import BOOTSTRAPPER, answer, install_token
from support.lab import Lab

DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: machines, domain: machines.example.com}
network:
  bootstrapper: 10.77.20.253
  subnet: 10.77.20.0/24
  dhcp: {mode: serve, range: [10.77.20.100, 10.77.20.150], lease: 24h}
  routers: [10.77.20.254]
os: {family: flatcar, channel: stable, version: current, config: ignition, timezone: Europe/Berlin}
nodes:
  - {mac: "52:54:00:77:20:01", name: node1, ip: 10.77.20.11, roles: [control-plane, etcd]}
  - {mac: "52:54:00:77:20:02", name: node2, ip: 10.77.20.12, roles: [etcd]}
  - {mac: "52:54:00:77:20:03", name: node3, roles: [etcd, worker]}
"""
NODE1 = "52-54-00-77-20-01"
STRANGER = "52-54-00-77-20-09"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab with its machines installed."""
    root = tmp_path_factory.mktemp("lab")
    path = root / "cluster.yaml"
    path.write_text(DESCRIPTION)
    made = Lab(root, path, "machines")
    try:
        made.up(timeout_s=2400)
        yield made
    finally:
        made.kboot("lab", "down", "--cluster", made.name, timeout_s=300)
    assert made.leftovers() == []


def test_nobody_else_is_given_a_node_config(lab: Lab) -> None:
    healthy_members(lab)
    put(lab, "node2", "/before", "reinstall")
    path = f"/ignition/{NODE1}.json"
    assert answer(lab, "node1", path)[0] == 403  # installed, so not armed
    lab.ssh("node1", "sudo touch /var/before-the-reinstall")
    assert lab.kboot("node", "reinstall", "node1").returncode == 0
    first = install_token(lab.ssh("node1", f"curl -s http://{BOOTSTRAPPER}/install.sh"))
    newest = install_token(lab.ssh("node1", f"curl -s http://{BOOTSTRAPPER}/install.sh?mac={NODE1}"))
    assert install_token(lab.exec("curl", "-s", f"http://{BOOTSTRAPPER}/install.sh?mac={NODE1}")) == ""
    refused = {
        "wrong-address": answer(lab, None, path, newest),
        "no-token": answer(lab, "node1", path),
        "replayed-token": answer(lab, "node1", path, first),
        "plain-http": answer(lab, "node1", path, newest, tls=False),
    }
    for reason, (code, body) in refused.items():
        assert code == 403, reason
        assert "storage" not in body
    reasons = {event.get("reason") for event in lab.events() if event["kind"] == "refused"}
    assert reasons >= {*refused, "not-armed"}
    code, body = answer(lab, "node1", path, newest)
    assert code == 200
    assert json.loads(body)["ignition"]["version"] == "3.3.0"


def test_an_undeclared_machine_is_given_nothing_while_another_installs(lab: Lab) -> None:
    lab.kboot("node", "reinstall", "node1")
    assert lab.kboot("lab", "power", "node1", "cycle").returncode == 0  # installs meanwhile
    put(lab, "node2", "/while", "one-is-away")
    added = lab.kboot("lab", "add", "--mac", STRANGER, "--firmware", "uefi")
    assert added.returncode == 0, added.stderr
    for _ in looks(300, 2):
        if [each["mac"].replace(":", "-") for each in lab.status()["discovered"]] == [STRANGER]:
            break
    assert answer(lab, None, f"/ignition/{STRANGER}.json")[0] == 404


def test_a_discovered_machine_that_is_declared_installs_itself(lab: Lab) -> None:
    lab.path.write_text(lab.path.read_text() + f'  - {{mac: "{STRANGER}", roles: [worker]}}\n')
    assert lab.kboot("lab", "power", STRANGER, "off").returncode == 0
    done = lab.kboot("lab", "up", str(lab.path), timeout_s=1500)  # waits for node1 too
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.ssh(STRANGER, "hostname; ls -d /sys/firmware/efi").split() == [STRANGER, "/sys/firmware/efi"]
    assert lab.status()["discovered"] == []


def test_a_neighbour_is_given_nothing(lab: Lab) -> None:
    for path in (f"/ignition/{NODE1}.json", f"/cloud-configs/{NODE1}.yaml"):
        code, body = answer(lab, STRANGER, path, "any")
        assert code == 403
        assert "storage" not in body
    machines = json.loads(lab.kboot("lab", "ps", "--json").stdout)
    own = next(each["address"] for each in machines if each["name"] == STRANGER)
    told = [event for event in lab.events() if event["kind"] == "refused" and event["ip"] == own]
    assert {event["reason"] for event in told} == {"wrong-address"}


def _host_key(lab: Lab, name: str) -> str:
    return lab.ssh(name, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub")


def test_a_reinstall_installs_afresh_exactly_once(lab: Lab) -> None:
    node = lab.node("node1")
    assert (node["phase"], node["armed"]) == ("running", False)
    installs = [event for event in lab.events() if (event["kind"], event["mac"]) == ("installed", node["mac"])]
    assert len(installs) == 2  # the first one, and this
    assert lab.ssh("node1", "ls /var/before-the-reinstall || true") == ""
    assert node["ssh_host_keys"] == [_host_key(lab, "node1")]


def test_a_reinstalled_member_of_etcd_is_a_member_again_and_catches_up(lab: Lab) -> None:
    healthy_members(lab)
    listed = ""
    for _ in looks(300, 5):
        listed = etcdctl(lab, "node2", "member list --write-out=simple")
        if [line.rpartition(", ")[2] for line in listed.splitlines()] == ["false"] * 3:
            break
    members = [line.split(", ") for line in listed.splitlines()]
    assert sorted(member[2] for member in members) == ["node1", "node2", "node3"]
    assert {member[1] for member in members} == {"started"}
    assert {member[-1] for member in members} == {"false"}, "a learner still"
    own = "--endpoints=https://127.0.0.1:2379 --consistency=s"
    assert etcdctl(lab, "node1", f"get {own} --print-value-only /before") == "reinstall"
    assert etcdctl(lab, "node1", f"get {own} --print-value-only /while") == "one-is-away"


def test_a_snapshot_that_is_restored_gives_back_what_was_written(lab: Lab) -> None:
    snapshot = lab.root / "etcd.db"
    taken = lab.kboot("etcd", "snapshot", "-o", str(snapshot))
    assert taken.returncode == 0, taken.stderr
    put(lab, "node2", "/before", "overwritten")
    key = str(lab.folder.lab / "ssh_key")
    done = lab.kboot("etcd", "restore", str(snapshot), "--identity", key, "--yes", timeout_s=900)
    assert done.returncode == 0, done.stdout + done.stderr
    healthy_members(lab)
    assert etcdctl(lab, "node3", "get --print-value-only /before") == "reinstall"


def _holder(lab: Lab) -> object:
    """The container that has the bootstrapper's address."""
    found = {each.labels["com.docker.compose.service"]: each.id for each in Engine(lab.folder).containers()}
    return found["holder"]


def test_a_machine_is_brought_to_a_changed_config_while_it_runs_and_another_is_power_cycled(lab: Lab) -> None:
    lab.ssh("node1", "sudo sh -c 'echo untouched > /var/marker; sync'")
    before = lab.node("node1")["since"]
    assert lab.kboot("lab", "power", "node1", "cycle").returncode == 0  # boots meanwhile
    text = lab.path.read_text().replace("Europe/Berlin", "Asia/Tokyo")
    lab.path.write_text(text.replace("[10.77.20.100, 10.77.20.150]", "[10.77.20.50, 10.77.20.99]"))
    holder = _holder(lab)
    assert lab.kboot("lab", "up", str(lab.path), timeout_s=300).returncode == 0
    assert _holder(lab) == holder
    assert lab.node("node2")["config"] == "outdated"
    command = ("node", "apply", "node2", "--identity", str(lab.folder.lab / "ssh_key"))
    done = lab.kboot(*command, timeout_s=300)
    assert done.returncode == 0, done.stderr
    for _ in looks(60, 2):
        if lab.node("node2")["config"] == "current":
            break
    assert (lab.node("node2")["phase"], lab.node("node2")["config"]) == ("running", "current")
    assert lab.ssh("node2", "readlink /etc/localtime").endswith("Asia/Tokyo")
    again = lab.kboot(*command, timeout_s=300)
    assert "has the config in force already" in again.stdout + again.stderr

    lab.wait_node("node1", "running", after=before)
    assert lab.ssh("node1", "cat /var/marker") == "untouched", "its disk was written anew"
    console = (lab.folder.lab / "machines" / "node1" / "console.log").read_text(errors="replace")
    assert f"/boot/{NODE1}.ipxe" in console.rpartition("SeaBIOS")[2], "it did not boot from the network first"
