"""Three machines from empty to running, unkind as those of a rack. The tests stand in that order and share the lab."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from kboot.host.engine import Engine
from kboot.host.waiting import looks
from kboot_compose.service_names import SERVICE_NAMES
from machine.etcd_members import etcdctl, health_by_vote, healthy_members
from machine.requests import BOOTSTRAPPER, answer
from support.lab import Lab
from support.unkind import FOREIGN_BOOTED, UnkindLab, unkind_lab
from support.updates import wait_booted

DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: machines, domain: machines.example.com}
network:
  bootstrapper: 10.77.20.253
  subnet: 10.77.20.0/24
  dhcp: {mode: serve, range: [10.77.20.100, 10.77.20.150], lease: 24h}
  routers: [10.77.20.254]
os:
  family: flatcar
  channel: stable
  version: current
  config: ignition
  timezone: Europe/Berlin
  update: {reboot_strategy: reboot}
nodes:
  - {mac: "52:54:00:77:20:01", name: node1, ip: 10.77.20.11, roles: [control-plane, etcd]}
  - {mac: "52:54:00:77:20:02", name: node2, ip: 10.77.20.12, roles: [etcd]}
  - mac: "52:54:00:77:20:03"
    name: node3
    roles: [etcd, worker]
    install_disk: /dev/nvme0n1
    kernel_args: [nmi_watchdog=0]
    console: ["ttyS0,115200n8"]
"""
NODE1 = "52-54-00-77-20-01"
STRANGER = "52-54-00-77-20-09"
SECOND_CARD, FIRST_CARD = "52-54-00-77-20-08", "02-00-00-00-00-10"
OTHER_CARD = "52:54:00:77:20:81"
HARDWARE = f"""
node1: --card {OTHER_CARD} --first-lease {OTHER_CARD}
node2: --clock 2015-01-01T00:00:00
node3: --firmware uefi --disk 1G:sata:foreign-esp --disk 8G:nvme
"""
NEWER = "3975.2.1"
_OFF_S = 60  # between the host's clock and a machine's, with the time that an answer takes


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnkindLab]:
    """The lab, not up yet."""
    with unkind_lab(tmp_path_factory.mktemp("lab"), "machines", DESCRIPTION, HARDWARE) as made:
        yield made


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


def _installs(lab: Lab, name: str) -> int:
    mac = lab.node(name)["mac"]
    return sum(1 for event in lab.events() if (event["kind"], event["mac"]) == ("installed", mac))


def test_empty_machines_install_themselves_while_every_service_is_killed_once(lab: UnkindLab) -> None:
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


def test_a_machine_whose_other_card_gets_its_lease_first_is_installed(lab: UnkindLab) -> None:
    node = lab.node("node1")
    assert (node["phase"], node["ip"], node["reason"]) == ("running", "10.77.20.11", None)
    assert lab.ssh("node1", "hostname") == "node1"
    assert OTHER_CARD in lab.ssh("node1", "cat /sys/class/net/*/address")
    assert _installs(lab, "node1") == 1
    told = [event for event in lab.events() if (event["kind"], event["mac"]) == ("refused", node["mac"])]
    assert told == [], "install.sh comes by either card, and all else by the own one: that is no theft"
    assert [each["mac"] for each in lab.status()["discovered"]] == [OTHER_CARD]


def test_a_machine_whose_clock_is_in_the_past_is_right_at_every_boot(lab: UnkindLab) -> None:
    _is_on_time(lab, "node2")
    lab.ssh("node2", "sudo sh -c 'echo untouched > /var/marker; sync'")
    before = lab.node("node2")["since"]
    assert lab.kboot("lab", "power", "node2", "cycle").returncode == 0  # its clock is in 2015 again
    lab.wait_node("node2", "running", after=before)
    _is_on_time(lab, "node2")
    assert lab.ssh("node2", "cat /var/marker") == "untouched", "its disk was written anew"
    console = lab.whole_console("node2")
    assert "/boot/52-54-00-77-20-02.ipxe" in console.rpartition("SeaBIOS")[2], "it did not boot from the network first"
    assert _installs(lab, "node2") == 1


def _is_on_time(lab: Lab, name: str) -> None:
    assert abs(int(lab.ssh(name, "date +%s")) - time.time()) < _OFF_S
    assert abs(int(lab.ssh(name, "cat /sys/class/rtc/rtc0/since_epoch")) - time.time()) < _OFF_S
    assert lab.ssh(name, "systemctl --failed --no-legend") == ""


def test_a_machine_boots_the_disk_that_was_installed_beside_another_system(lab: UnkindLab) -> None:
    assert lab.ssh("node3", "findmnt -no SOURCE /; ls -d /sys/firmware/efi").split() == [
        "/dev/nvme0n1p9",
        "/sys/firmware/efi",
    ]
    assert FOREIGN_BOOTED not in lab.whole_console("node3")
    assert lab.is_untouched("node3", 0, "foreign-esp")


def test_the_installed_system_boots_with_its_kernel_arguments_and_consoles(lab: UnkindLab) -> None:
    words = lab.ssh("node3", "cat /proc/cmdline").split()
    assert words.count("nmi_watchdog=0") == 1
    assert [word for word in words if word.startswith("console=")] == ["console=ttyS0,115200n8"]


def test_an_undeclared_machine_is_discovered_and_left_alone(lab: Lab) -> None:
    added = lab.kboot("lab", "add", "--mac", STRANGER, "--firmware", "uefi")
    assert "`kboot discovered` has the line that declares it" in added.stderr
    assert added.returncode == 0, added.stderr
    assert _discovered(lab, 2) == sorted([STRANGER, OTHER_CARD.replace(":", "-")])
    assert answer(lab, None, f"/ignition/{STRANGER}.json")[0] == 404
    assert answer(lab, None, f"/boot/{STRANGER}.ipxe", tls=False)[0] == 404
    disk = lab.folder.lab / "machines" / STRANGER / "disk0.raw"
    assert disk.stat().st_blocks == 0, "something was written to its disk"


def test_a_machine_goes_by_the_card_that_booted(lab: Lab) -> None:
    added = lab.kboot("lab", "add", "--mac", SECOND_CARD, "--unplugged", FIRST_CARD)
    assert added.returncode == 0, added.stderr
    assert _discovered(lab, 3) == sorted([SECOND_CARD, STRANGER, OTHER_CARD.replace(":", "-")])
    assert lab.kboot("lab", "power", SECOND_CARD, "off").returncode == 0


def test_a_machine_updates_itself_reboots_into_the_newer_release_and_reports_it(lab: UnkindLab) -> None:
    lab.ssh("node2", "sudo sh -c 'echo kept > /var/before-the-update; sync'")
    assert lab.ssh("node2", "findmnt -no SOURCE /usr; systemctl is-enabled locksmithd || true").split() == [
        "/dev/vda3",
        "masked",
    ]
    for name in ("node1", "node3"):  # all would update at once
        assert lab.kboot("lab", "power", name, "off").returncode == 0
    for words in (("lab", "release", NEWER), ("os", "sync")):
        done = lab.kboot(*words, timeout_s=900)
        assert done.returncode == 0, done.stdout + done.stderr
    steps = wait_booted(lab, "node2", NEWER)
    assert steps[-5:] == ["offered", "downloading", "downloaded", "installed", "booted"]
    assert lab.ssh("node2", "findmnt -no SOURCE /usr; cat /var/before-the-update").split() == ["/dev/vda4", "kept"]
    assert lab.node("node2")["phase"] == "running"
    assert _installs(lab, "node2") == 1


def test_down_of_a_lab_with_machines_names_the_right_command(lab: Lab) -> None:
    done = lab.kboot("down")
    assert done.returncode == 2
    assert "kboot lab down --cluster machines" in done.stderr


def test_down_leaves_nothing(lab: Lab) -> None:
    done = lab.kboot("lab", "down", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert lab.leftovers() == []
    assert not lab.folder.path.exists()
