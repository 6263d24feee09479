"""Three machines as unkind as those of a rack, installed at once. `tests/rack` has the others."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.unkind import FOREIGN_BOOTED, UnkindLab, unkind_lab

DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: unkind, domain: unkind.example.com}
network:
  bootstrapper: 10.77.21.253
  subnet: 10.77.21.0/24
  dhcp: {mode: serve, range: [10.77.21.100, 10.77.21.150], lease: 24h}
  routers: [10.77.21.254]
os: {family: flatcar, channel: stable, version: current, config: ignition}
nodes:
  - {mac: "52:54:00:77:21:01", name: cards, ip: 10.77.21.11, roles: [worker]}
  - {mac: "52:54:00:77:21:02", name: past, ip: 10.77.21.12, roles: [worker]}
  - mac: "52:54:00:77:21:03"
    name: foreign
    ip: 10.77.21.13
    roles: [worker]
    install_disk: /dev/nvme0n1
    kernel_args: [nmi_watchdog=0]
    console: ["ttyS0,115200n8"]
"""
OTHER_CARD = "52:54:00:77:21:81"
HARDWARE = f"""
cards: --card {OTHER_CARD} --first-lease {OTHER_CARD}
past: --clock 2015-01-01T00:00:00
foreign: --firmware uefi --disk 1G:sata:foreign-esp --disk 8G:nvme
"""
_OFF_S = 60  # between the host's clock and a machine's, with the time that an answer takes


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnkindLab]:
    """The lab with its machines installed."""
    with unkind_lab(tmp_path_factory.mktemp("unkind"), "unkind", DESCRIPTION, HARDWARE, timeout_s=2400) as made:
        yield made


def _installs(lab: UnkindLab, name: str) -> int:
    mac = lab.node(name)["mac"]
    return sum(1 for event in lab.events() if (event["kind"], event["mac"]) == ("installed", mac))


def test_a_machine_whose_other_card_gets_its_lease_first_is_installed(lab: UnkindLab) -> None:
    node = lab.node("cards")
    assert (node["phase"], node["ip"], node["reason"]) == ("running", "10.77.21.11", None)
    assert lab.ssh("cards", "hostname") == "cards"
    assert OTHER_CARD in lab.ssh("cards", "cat /sys/class/net/*/address")
    assert _installs(lab, "cards") == 1
    told = [event for event in lab.events() if (event["kind"], event["mac"]) == ("refused", node["mac"])]
    assert told == [], "install.sh comes by either card, and all else by the own one: that is no theft"
    assert [each["mac"] for each in lab.status()["discovered"]] == [OTHER_CARD]


def test_a_machine_whose_clock_is_in_the_past_is_right_at_every_boot(lab: UnkindLab) -> None:
    for _ in range(2):
        assert abs(int(lab.ssh("past", "date +%s")) - time.time()) < _OFF_S
        assert abs(int(lab.ssh("past", "cat /sys/class/rtc/rtc0/since_epoch")) - time.time()) < _OFF_S
        assert lab.ssh("past", "systemctl --failed --no-legend") == ""
        before = lab.node("past")["since"]
        assert lab.kboot("lab", "power", "past", "cycle").returncode == 0  # its clock is in 2015 again
        lab.wait_node("past", "running", after=before)
    assert _installs(lab, "past") == 1


def test_a_machine_boots_the_disk_that_was_installed_beside_another_system(lab: UnkindLab) -> None:
    assert lab.ssh("foreign", "findmnt -no SOURCE /; ls -d /sys/firmware/efi").split() == [
        "/dev/nvme0n1p9",
        "/sys/firmware/efi",
    ]
    assert FOREIGN_BOOTED not in lab.whole_console("foreign")
    assert lab.is_untouched("foreign", 0, "foreign-esp")


def test_the_installed_system_boots_with_its_kernel_arguments_and_consoles(lab: UnkindLab) -> None:
    words = lab.ssh("foreign", "cat /proc/cmdline").split()
    assert words.count("nmi_watchdog=0") == 1
    assert [word for word in words if word.startswith("console=")] == ["console=ttyS0,115200n8"]
