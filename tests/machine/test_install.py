"""One machine's whole life, for real. The tests stand in the order of that life and share its lab."""

from __future__ import annotations

import json
import ssl
from functools import partial
from pathlib import Path

import httpx
import pytest

from kboot.host.engine import Engine
from kboot.host.waiting import looks
from kboot_compose.service_names import SERVICE_NAMES
from machine.etcd_members import etcdctl, health_by_vote, healthy_members, put
from machine.requests import BOOTSTRAPPER, answer, install_token
from support.lab import Lab

NODE1 = "52-54-00-77-20-01"
STRANGER = "52-54-00-77-20-09"
SECOND_CARD, FIRST_CARD = "52-54-00-77-20-08", "02-00-00-00-00-10"


def _containers(lab: Lab) -> dict[str, object]:
    return {each.labels["com.docker.compose.service"]: each for each in Engine(lab.folder).containers()}


def _discovered(lab: Lab, number: int) -> list[str]:
    """The MACs of undeclared machines, once so many are there."""
    found: list[str] = []
    for _ in looks(300, 2):
        found = sorted(each["mac"].replace(":", "-") for each in lab.status()["discovered"])
        if len(found) >= number:
            break
    return found


def test_empty_machines_install_themselves_while_every_service_is_killed_once(lab: Lab) -> None:
    up = lab.start_up()
    try:
        for _ in looks(1500, 2):
            if up.poll() is not None:
                break
            if lab.folder.compose.exists():
                status = lab.status() if lab.kboot("status").returncode in (0, 3) else {"nodes": []}
                if any(node["phase"] == "configured" and node["bytes"] for node in status["nodes"]):
                    break
        assert up.poll() is None, up.stdout.read() if up.stdout else ""
        for service in SERVICE_NAMES:
            container = _containers(lab)[service]
            container.kill()  # type: ignore[attr-defined] # the Docker SDK has no types for it
        said, _ = up.communicate(timeout=1500)
    finally:
        up.kill()
    assert up.returncode == 0, said
    assert all(f"{name}          running" in said for name in ("node1", "node2", "node3"))
    node = lab.node("node1")
    assert (node["phase"], node["armed"], node["config"]) == ("running", False, "current")
    assert list(node["phases"])[-3:] == ["configured", "installed", "running"]


def test_the_installed_machine_is_the_one_described(lab: Lab) -> None:
    assert lab.ssh("node1", "hostname; id -un; findmnt -no SOURCE /").split() == ["node1", "core", "/dev/vda9"]
    assert lab.ssh("node1", "readlink /etc/localtime").endswith("Europe/Berlin")
    assert "KBOOT_ROLES='control-plane etcd'" in lab.ssh("node1", "cat /etc/kboot/node.env")
    assert lab.ssh("node1", "systemctl --failed --no-legend") == ""
    address = lab.ssh("node1", "ip -4 -o addr show scope global | awk '{print $4}'")
    assert address == "10.77.20.11/24"
    assert lab.exec(f"curl -sf tftp://{BOOTSTRAPPER}/pxelinux.0 | wc -c").strip() > "0"
    assert lab.exec("dig", "+short", f"@{BOOTSTRAPPER}", "node1.machines.example.com").strip() == "10.77.20.11"


def test_the_installed_machine_goes_by_the_clock_of_the_bootstrapper(lab: Lab) -> None:
    for _ in looks(120, 5):
        if "synchronized" in lab.ssh("node1", "ls /run/systemd/timesync"):
            break
    else:
        raise AssertionError(lab.ssh("node1", "sudo journalctl -b -o cat -u systemd-timesyncd"))
    assert "NTP=10.77.20." in lab.ssh("node1", "cat /etc/systemd/timesyncd.conf.d/10-kboot.conf")


def test_the_status_has_the_shape_that_scripts_read(lab: Lab) -> None:
    status = lab.status()
    assert set(status) >= {"cluster", "services", "nodes", "discovered", "os", "etcd", "control_plane"}
    assert {each["name"] for each in status["services"]} >= set(SERVICE_NAMES)
    assert all(set(each) == {"name", "state", "health", "started"} for each in status["services"])
    assert status["os"]["current"] == "3975.2.0"
    machines = json.loads(lab.kboot("lab", "ps", "--json").stdout)
    found = [(each["name"], each["power"], each["address"]) for each in machines]
    assert found[:2] == [("node1", "on", "10.77.20.11"), ("node2", "on", "10.77.20.12")]


def test_no_secret_reaches_a_log_or_a_console(lab: Lab) -> None:
    logs = "".join(each.logs().decode(errors="replace") for each in _containers(lab).values())  # type: ignore[attr-defined]
    logs += Path(lab.folder.lab / "machines" / "node1" / "console.log").read_text(errors="replace")
    report_token = (lab.folder.nodes / NODE1 / "report-token").read_text().strip()
    operator_token = (lab.folder.pki / "operator-token").read_text().strip()
    assert "/ignition/" in logs
    for secret in (report_token, operator_token, "PRIVATE KEY-----", "Authorization: Bearer"):
        assert secret not in logs


def _host_key(lab: Lab, name: str) -> str:
    return lab.ssh(name, "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub")


def test_each_machine_has_told_its_own_ssh_host_key(lab: Lab) -> None:
    told = {name: lab.node(name)["ssh_host_keys"] for name in ("node1", "node2", "node3")}
    assert told == {name: [_host_key(lab, name)] for name in told}


def test_three_members_of_etcd_are_healthy_over_tls(lab: Lab) -> None:
    assert [member["name"] for member in healthy_members(lab)] == ["node1", "node2", "node3"]
    assert "etcd: 3 of 3 members healthy" in lab.kboot("status").stdout
    assert [each["health"] for each in json.loads(health_by_vote(lab, "node1"))] == [True, True, True]
    assert etcdctl(lab, "node2", "put /before reinstall") == "OK"
    assert lab.ssh("node1", "sudo stat -c %a /var/lib/etcd /var/lib/etcd/member-data").split() == ["700", "700"]


def test_etcd_answers_nobody_without_a_certificate_of_its_own_authority(lab: Lab) -> None:
    pki = lab.folder.pki
    own = pki / "nodes" / NODE1 / "etcd-client"
    url = "https://10.77.20.11:2379/health"
    for scheme, client in (("http", None), ("https", None), ("https", pki / "cloudconfig"), ("https", own)):
        context = ssl.create_default_context(cafile=str(pki / "etcd-ca.pem"))
        if client is not None:
            context.load_cert_chain(client.with_suffix(".pem"), client.with_suffix(".key"))
        asked = partial(httpx.get, url.replace("https", scheme), verify=context, trust_env=False, timeout=20)
        if client == own:
            assert asked().json()["health"] == "true"
        else:
            with pytest.raises(httpx.TransportError):
                asked()


def test_nobody_else_is_given_a_node_config(lab: Lab) -> None:
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


def test_an_undeclared_machine_is_discovered_and_left_alone(lab: Lab) -> None:
    lab.kboot("node", "reinstall", "node1")
    assert lab.kboot("lab", "power", "node1", "cycle").returncode == 0  # installs meanwhile
    put(lab, "node2", "/while", "one-is-away")
    added = lab.kboot("lab", "add", "--mac", STRANGER, "--firmware", "uefi")
    assert added.returncode == 0, added.stderr
    assert _discovered(lab, 1) == [STRANGER]
    assert answer(lab, None, f"/ignition/{STRANGER}.json")[0] == 404
    assert answer(lab, None, f"/boot/{STRANGER}.ipxe", tls=False)[0] == 404
    disk = lab.folder.lab / "machines" / STRANGER / "disk0.raw"
    assert disk.stat().st_blocks == 0, "something was written to its disk"


def test_a_machine_goes_by_the_card_that_booted(lab: Lab) -> None:
    added = lab.kboot("lab", "add", "--mac", SECOND_CARD, "--unplugged", FIRST_CARD)
    assert added.returncode == 0, added.stderr
    assert _discovered(lab, 2) == [SECOND_CARD, STRANGER]
    assert lab.kboot("lab", "power", SECOND_CARD, "off").returncode == 0


def test_a_discovered_machine_that_is_declared_installs_itself(lab: Lab) -> None:
    lab.path.write_text(lab.path.read_text() + f'  - {{mac: "{STRANGER}", roles: [worker]}}\n')
    assert lab.kboot("lab", "power", STRANGER, "off").returncode == 0
    done = lab.kboot("lab", "up", str(lab.path), timeout_s=1500)  # waits for node1 too
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.ssh(STRANGER, "hostname; ls -d /sys/firmware/efi").split() == [STRANGER, "/sys/firmware/efi"]
    assert [each["mac"].replace(":", "-") for each in lab.status()["discovered"]] == [SECOND_CARD]


def test_a_neighbour_is_given_nothing(lab: Lab) -> None:
    for path in (f"/ignition/{NODE1}.json", f"/cloud-configs/{NODE1}.yaml"):
        code, body = answer(lab, STRANGER, path, "any")
        assert code == 403
        assert "storage" not in body
    machines = json.loads(lab.kboot("lab", "ps", "--json").stdout)
    own = next(each["address"] for each in machines if each["name"] == STRANGER)
    told = [event for event in lab.events() if event["kind"] == "refused" and event["ip"] == own]
    assert {event["reason"] for event in told} == {"wrong-address"}


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


def test_a_machine_is_brought_to_a_changed_config_while_it_runs_and_another_is_power_cycled(lab: Lab) -> None:
    lab.ssh("node1", "sudo sh -c 'echo untouched > /var/marker; sync'")
    before = lab.node("node1")["since"]
    assert lab.kboot("lab", "power", "node1", "cycle").returncode == 0  # boots meanwhile
    text = lab.path.read_text().replace("Europe/Berlin", "Asia/Tokyo")
    lab.path.write_text(text.replace("[10.77.20.100, 10.77.20.150]", "[10.77.20.50, 10.77.20.99]"))
    holder = _containers(lab)["holder"].id  # type: ignore[attr-defined]
    assert lab.kboot("lab", "up", str(lab.path), timeout_s=300).returncode == 0
    assert _containers(lab)["holder"].id == holder  # type: ignore[attr-defined]
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


def test_down_of_a_lab_with_machines_names_the_right_command(lab: Lab) -> None:
    done = lab.kboot("down")
    assert done.returncode == 2
    assert "kboot lab down --cluster machines" in done.stderr


def test_down_leaves_nothing(lab: Lab) -> None:
    done = lab.kboot("lab", "down", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert lab.leftovers() == []
    assert not lab.folder.path.exists()
